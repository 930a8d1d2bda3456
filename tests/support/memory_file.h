/* An os table whose only folder holds one file, in memory, that can be read: for tests that open
 * very many variants of a file. */
#ifndef SUPPORT_MEMORY_FILE_H
#define SUPPORT_MEMORY_FILE_H

#include "os/os.h"
#include "store/file.h"
#include "store/folder.h"

typedef struct memory_file {
    rs_os os;
    rs_folder folder;
    const uint8_t *bytes;
    size_t size;
    int open_count;
    uint32_t owner;      /* the user is 0 */
    const char *meminfo; /* what /proc/meminfo holds; NULL: there is none */
} memory_file;

#define MEMORY_FILE_NAME "ck"

/* Must not move afterwards; `bytes` and `size` may be set anew at any time. */
void memory_file_init(memory_file *memory);
resume_status memory_file_open(memory_file *memory, rs_file **file, rs_recovery *recovery,
                               rs_error *error);
#endif
