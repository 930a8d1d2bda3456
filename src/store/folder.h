/* The folder that holds checkpoints: opened once by descriptor, made when missing, checked, listed.
 */
#ifndef RS_STORE_FOLDER_H
#define RS_STORE_FOLDER_H

#include "base/error.h"
#include "os/os.h"

#include <stdbool.h>

struct rs_keys;

typedef struct rs_folder {
    const rs_os *os;
    /* What is saved in the folder is signed with them, and they tell whose it is (store/keys.h);
     * owned. NULL: nothing is signed, and nothing is proven to be the user's. */
    struct rs_keys *keys;
    bool lifts_limits; /* the user trusts what is in it: sizes are held against the memory alone */
    char *path; /* absolute: made so at opening, against the working directory of that moment */
    int fd;
    uint64_t device, inode;
    char warning[512]; /* something the user should hear once ("others can write ...: chmod o-w
                          PATH"), or empty */
} rs_folder;

/* Opens `path`. With `make`: missing parents are made (0777 less umask), the folder itself 0700
 * with a `.gitignore` holding "*", and every new entry's parent is synced. Without: NOT_FOUND.
 * UNSAFE_PATH when it is no folder.
 * `*folder` is NULL on failure. */
resume_status rs_folder_open(const rs_os *os, const char *path, bool make, rs_folder **folder,
                             rs_error *error);
void rs_folder_close(rs_folder *folder); /* NULL is allowed */
/* From now on the key of `key_file` (as in rs_keys_open) is used for what is in the folder. */
resume_status rs_folder_use_key(rs_folder *folder, const char *key_file, rs_error *error);
/* Opens a folder that is there, with the key of the user (rs_key_file_path). */
resume_status rs_folder_open_as_user(const rs_os *os, const char *path, rs_folder **folder,
                                     rs_error *error);

/* The path still names the open folder? If not (removed, moved, replaced), makes and opens it again
 * and sets *replaced: files that were open in the old one are then gone for the user. */
resume_status rs_folder_refresh(rs_folder *folder, bool *replaced, rs_error *error);

/* "PATH/FILE" into memory of the caller (rs_free); NULL when there is no memory. */
char *rs_folder_join(const rs_folder *folder, const char *file_name);
#endif
