/* A folder for the files of one test, in TMPDIR or /tmp. */
#ifndef SUPPORT_TEMP_FOLDER_H
#define SUPPORT_TEMP_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#define TEMP_PATH_SIZE 512

/* Makes it; the test ends when that fails. */
void temp_folder_make(char path[TEMP_PATH_SIZE]);
/* Removes it with all that is in it; links are not followed. */
void temp_folder_remove(const char *path);
/* "FOLDER/NAME" into `to`, which is returned. */
char *temp_path(char to[TEMP_PATH_SIZE], const char *folder, const char *name);
/* Writes a whole file, or reads at most size - 1 bytes of one and ends them with a zero; false when
 * it can't. */
bool temp_write(const char *path, const char *text);
bool temp_read(const char *path, char *text, size_t size);
/* Descriptors that this process has open. */
int temp_descriptors(void);
#endif
