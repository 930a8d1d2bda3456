/* The folder NAME.files beside a checkpoint: what `resume run` needs to take back what a program
 * has done to its files since the save (docs/run.md). Its content is the business of Python. */
#ifndef RS_STORE_FILES_H
#define RS_STORE_FILES_H

#include "store/folder.h"

/* Removes it with the files in it; no link is followed. `file_name`: of the checkpoint. NOT_FOUND,
 * UNSAFE_PATH: there is none. */
resume_status rs_files_remove(const rs_folder *folder, const char *file_name, rs_error *error);
#endif
