/* Folders and small files for tests. */
#include "temp_folder.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void temp_folder_make(char path[TEMP_PATH_SIZE]) {
    const char *base = getenv("TMPDIR");
    snprintf(path, TEMP_PATH_SIZE, "%s/resume-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(path) == NULL) {
        perror(path);
        exit(1);
    }
}

static int open_up(const char *path, const struct stat *found, int kind, struct FTW *place) {
    (void)found, (void)place;
    if (kind == FTW_DNR || kind == FTW_D) chmod(path, 0700);
    return 0;
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *place) {
    (void)found, (void)kind, (void)place;
    return remove(path);
}

void temp_folder_remove(const char *path) {
    nftw(path, open_up, 16, FTW_PHYS);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *temp_path(char to[TEMP_PATH_SIZE], const char *folder, const char *name) {
    snprintf(to, TEMP_PATH_SIZE, "%s/%s", folder, name);
    return to;
}

bool temp_write(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (file == NULL) return false;
    bool is_written = fwrite(text, 1, strlen(text), file) == strlen(text);
    return fclose(file) == 0 && is_written;
}

bool temp_read(const char *path, char *text, size_t size) {
    text[0] = '\0';
    FILE *file = fopen(path, "r");
    if (file == NULL) return false;
    text[fread(text, 1, size - 1, file)] = '\0';
    return fclose(file) == 0;
}

int temp_descriptors(void) {
    int count = -1; /* the one of the listing itself */
    DIR *listing = opendir("/proc/self/fd");
    if (listing == NULL) return -1;
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}
