/* The user's key, and what of others the user has said to trust: two small files in a folder of
 * the user's own.
 *
 * The key is 32 random bytes. It is made when it is first needed and never changes by itself.
 * Nothing here fails a save: without a key a checkpoint is saved unsigned, and `problem` says why.
 */
#ifndef RS_STORE_KEYS_H
#define RS_STORE_KEYS_H

#include "base/error.h"
#include "format/signature.h"
#include "os/os.h"

typedef struct rs_keys {
    const rs_os *os;
    char *path;   /* of the key file, absolute; NULL: there is no place for one */
    bool has_key; /* `key` is set */
    rs_key key;
    rs_mac *trusted; /* of generations that others have saved and the user trusts */
    size_t trusted_count;
    char warning[512]; /* the key will not be kept as long as what it signs, or "" */
    char problem[512]; /* why there is no key although there is a file or no place for one, or "" */
} rs_keys;

/* Looks for the key in `path` (absolute; NULL or "": there is no place). A missing one is no
 * problem, rs_keys_make makes it. A file that others can read or write, or that is not 32 bytes (or
 * 64 hexadecimal digits), is a problem, and there is no key. Fails with NO_MEMORY alone. */
resume_status rs_keys_open(const rs_os *os, const char *path, rs_keys **keys, rs_error *error);
/* Makes the key unless there is one or a problem; before something is signed in the folder
 * `signed_folder` (may be NULL), which `warning` is about. Durable when it returns with has_key. */
struct rs_folder;
void rs_keys_make(rs_keys *keys, const struct rs_folder *signed_folder);
/* trusted.c: the list beside the key, PATH.trusted. Entries are RS_MAC_TRUSTED. */
resume_status rs_trusted_load(rs_keys *keys, rs_error *error);
bool rs_keys_trust(const rs_keys *keys, const rs_mac *mac);
/* Durable when it returns OK. `note` (a path, a time) is for people who look at the list. */
resume_status rs_trusted_add(rs_keys *keys, const rs_mac *macs, size_t count, const char *note,
                             rs_error *error);
/* *removed: how many of them were in it. */
resume_status rs_trusted_remove(rs_keys *keys, const rs_mac *macs, size_t count, size_t *removed,
                                rs_error *error);
void rs_keys_free(rs_keys *keys); /* wipes it; NULL is allowed */
#endif
