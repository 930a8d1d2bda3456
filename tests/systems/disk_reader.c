/* Tells what is in a folder that disk_writer wrote into, then goes on saving in it.
 *
 *   disk_reader FOLDER
 *
 * A line on stdout for each checkpoint, files that were set aside among them:
 *
 *   FILE STATUS HEALTH VERSION ENDED EQUAL TEXT
 *
 * EQUAL: all of the state is, bit for bit, what disk_writer made under this version. Then each of
 * the three checkpoints is opened for writing, saved and read again: "FILE after STATUS HEALTH
 * VERSION ENDED EQUAL TEXT", and "left NAME" for every name that is in the folder at last. */
#include "sample.h"
#include "store/file_internal.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEW_VERSION 1000000u

static const char *const names[] = {"small", "mixed", "large"};

static sample_shape shape_of(const char *file_name) {
    for (int i = 0; i < 3; i++)
        if (strncmp(file_name, names[i], strlen(names[i])) == 0) return (sample_shape)i;
    return SAMPLE_SMALL;
}

static void print_file(const rs_folder *folder, const char *file_name, const char *when) {
    rs_file *file = NULL;
    rs_recovery recovery;
    rs_error error = {0};
    rs_state *state = NULL;
    uint64_t version = 0;
    bool ended = false, equal = false;
    resume_status status = rs_file_open(folder, file_name, false, &file, &recovery, &error);
    if (status == RESUME_OK) status = rs_file_read(file, 0, &state, &error);
    if (status == RESUME_OK) {
        version = rs_state_meta(state)->saves;
        ended = rs_state_meta(state)->ended;
        status = sample_compare(state, shape_of(file_name), version, &equal, &error);
    }
    printf("%s%s %d %d %" PRIu64 " %d %d %s %s\n", file_name, when, (int)status,
           (int)recovery.health, version, ended, equal, recovery.text, error.text);
    rs_state_free(state);
    rs_file_close(file);
}

static void print_all(const rs_folder *folder, const char *path) {
    DIR *stream = opendir(path);
    struct dirent *entry;
    while (stream && (entry = readdir(stream))) {
        rs_file_role role = rs_name_role(entry->d_name);
        if (role == RS_ROLE_CHECKPOINT || role == RS_ROLE_ASIDE || role == RS_ROLE_DAMAGED)
            print_file(folder, entry->d_name, "");
    }
    if (stream) closedir(stream);
}

/* What is complete and only waits for its name is read where it is. */
static void print_missing(const rs_folder *folder) {
    for (int i = 0; i < 3; i++) {
        rs_file *file;
        rs_recovery recovery;
        if (rs_file_open(folder, names[i], false, &file, &recovery, NULL)) continue;
        if (strcmp(file->name, names[i]) != 0) print_file(folder, names[i], "");
        rs_file_close(file);
    }
}

static void go_on(const rs_folder *folder, const char *name) {
    rs_file *file = NULL;
    rs_recovery recovery;
    rs_error error = {0};
    resume_status status = rs_file_open(folder, name, true, &file, &recovery, &error);
    if (status == RESUME_NOT_FOUND)
        status = rs_file_new(folder, name, 1, RS_ASIDE_NO, &file, &error);
    if (status == RESUME_OK)
        status = sample_commit(file, shape_of(name), NEW_VERSION, NULL, &error);
    rs_file_close(file);
    if (status)
        printf("%s after %d 0 0 0 0 %s\n", name, (int)status, error.text);
    else
        print_file(folder, name, " after");
}

static void print_left(const char *path) {
    DIR *stream = opendir(path);
    struct dirent *entry;
    while (stream && (entry = readdir(stream)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            printf("left %s\n", entry->d_name);
    if (stream) closedir(stream);
}

int main(int count, char **arguments) {
    rs_folder *folder;
    rs_error error = {0};
    if (count != 2) return 2;
    resume_status status = rs_folder_open(rs_os_linux(), arguments[1], false, &folder, &error);
    if (status) {
        printf("folder %d %s\n", (int)status, error.text);
        return 0;
    }
    print_all(folder, arguments[1]);
    print_missing(folder);
    for (int i = 0; i < 3; i++)
        go_on(folder, names[i]);
    print_left(arguments[1]);
    rs_folder_close(folder);
    return 0;
}
