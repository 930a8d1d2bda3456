/* The folder NAME.files is removed. */
#include "store/files.h"

#include "os/file.h"
#include "store/name.h"

#include <stdio.h>

typedef struct removal {
    const rs_os *os;
    int fd;
} removal;

static int remove_one(void *context, const char *name) {
    const removal *work = context;
    work->os->remove(work->os, work->fd, name); /* a failure is that of removing the folder */
    return 0;
}

resume_status rs_files_remove(const rs_folder *folder, const char *file_name, rs_error *error) {
    removal work = {.os = folder->os, .fd = -1};
    char name[RS_FILE_NAME_SIZE];
    snprintf(name, sizeof name, "%.*s.files", (int)(RS_FILE_NAME_SIZE - sizeof ".files"),
             file_name);
    resume_status status =
        rs_fd_open(work.os, folder->fd, name, RS_OPEN_READ | RS_OPEN_FOLDER, 0, &work.fd, error);
    if (status) return status;
    work.os->list(work.os, work.fd, remove_one, &work);
    rs_fd_close(work.os, &work.fd);
    int answer = work.os->remove_folder(work.os, folder->fd, name);
    return answer < 0 ? rs_os_fail(error, answer, "can't remove folder", name) : RESUME_OK;
}
