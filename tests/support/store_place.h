/* A folder for checkpoint files behind a fault os, and short ways to open, save and compare. */
#ifndef SUPPORT_STORE_PLACE_H
#define SUPPORT_STORE_PLACE_H

#include "fault_os.h"
#include "sample.h"
#include "store/file.h"
#include "store/folder.h"
#include "temp_folder.h"

#define CK "ck" /* the file name of the checkpoint */

typedef struct store_place {
    fault_os fault;
    char path[TEMP_PATH_SIZE];
    char file_path[TEMP_PATH_SIZE]; /* of CK */
    rs_folder *folder;
    rs_file *file;
    rs_recovery recovery;
    rs_commit_info info;
    rs_error error;
} store_place;

/* For cmocka: a place in *state; tearing down checks that no descriptor is left. */
int store_place_setup(void **state);
int store_place_teardown(void **state);

/* These fail the test when they do not work. */
void store_new(store_place *place);  /* a new file, not yet saved */
void store_open(store_place *place); /* for writing */
void store_open_reader(store_place *place);
void store_close(store_place *place);
void store_save(store_place *place, sample_shape shape, uint64_t version);
void store_save_until(store_place *place, sample_shape shape, uint64_t version); /* 1 .. version */
/* Generation `index` (0: newest) holds this version, all of it. */
void store_expect(store_place *place, size_t index, sample_shape shape, uint64_t version);

/* Changes bytes of the file on the disk: xor at `offset`, or all behind `size` cut off. */
void store_flip(const char *path, uint64_t offset);
void store_cut(const char *path, uint64_t size);
void store_append(const char *path, const void *bytes, size_t size);
uint64_t store_size(const char *path);
/* The `nth` call of this kind from now on fails. 0 for os_code: nothing fails any more. */
void store_fail(store_place *place, fault_call call, long nth, int os_code);
#endif
