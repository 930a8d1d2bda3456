/* The file that says why a program can't be saved: written, read, removed. */
#include "store/refusal.h"

#include "os/file.h"
#include "store/name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_SIZE 24u /* of SINCE_NS and a blank */

static void name_of(const char *file_name, char name[RS_FILE_NAME_SIZE]) {
    snprintf(name, RS_FILE_NAME_SIZE, "%.*s.refused", (int)(RS_FILE_NAME_SIZE - sizeof ".refused"),
             file_name);
}

void rs_refusal_remove(const rs_folder *folder, const char *file_name) {
    char name[RS_FILE_NAME_SIZE];
    name_of(file_name, name);
    folder->os->remove(folder->os, folder->fd, name);
}

/* A new file each time: what lies there may be a link of somebody else to a file of ours. */
resume_status rs_refusal_write(const rs_folder *folder, const char *file_name, int64_t since_ns,
                               const char *text, rs_error *error) {
    const rs_os *os = folder->os;
    char name[RS_FILE_NAME_SIZE], line[NUMBER_SIZE + RS_REFUSAL_TEXT_SIZE + 1];
    int fd;
    name_of(file_name, name);
    os->remove(os, folder->fd, name);
    resume_status status = rs_fd_open(
        os, folder->fd, name, RS_OPEN_WRITE | RS_OPEN_CREATE | RS_OPEN_EXCLUSIVE, 0600, &fd, error);
    if (status) return status;
    int size = snprintf(line, sizeof line, "%" PRId64 " %.*s\n", since_ns,
                        (int)RS_REFUSAL_TEXT_SIZE - 1, text);
    rs_slice part = {line, (size_t)size};
    status = rs_fd_write_all(os, fd, &part, 1, 0, name, error);
    rs_fd_close(os, &fd);
    return status;
}

/* -1: it does not begin with a number and a blank. */
static int64_t number_of(const char *line, const char **rest) {
    uint64_t number = 0;
    size_t digits = strspn(line, "0123456789");
    for (size_t i = 0; i < digits && digits <= 19; i++)
        number = number * 10 + (uint64_t)(line[i] - '0'); /* below 10^19: no overflow */
    *rest = line + digits + 1;
    bool is_good = digits > 0 && digits <= 19 && line[digits] == ' ' && number <= INT64_MAX;
    return is_good ? (int64_t)number : -1;
}

bool rs_refusal_read(const rs_folder *folder, const char *file_name, rs_refusal *refusal) {
    const rs_os *os = folder->os;
    char name[RS_FILE_NAME_SIZE], line[NUMBER_SIZE + RS_REFUSAL_TEXT_SIZE + 1];
    const char *text;
    int fd;
    name_of(file_name, name);
    if (rs_fd_open(os, folder->fd, name, RS_OPEN_READ, 0, &fd, NULL)) return false;
    int64_t size = os->read(os, fd, line, sizeof line - 1, 0);
    rs_fd_close(os, &fd);
    if (size <= 0) return false;
    line[size] = '\0';
    line[strcspn(line, "\n")] = '\0';
    refusal->since_ns = number_of(line, &text);
    if (refusal->since_ns < 0) return false;
    snprintf(refusal->text, sizeof refusal->text, "%s", text);
    return true;
}
