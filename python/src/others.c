/* Unfinished calls of the same function with other arguments. */
#include "others.h"

#include "notice.h"

#include "store/lock.h"

#include <string.h>

#define NAMES_TOLD 4

typedef struct rp_search {
    rp_checkpoint *self;
    rs_folder *folder;
    const char *prefix; /* "NAME@" as a file name begins with it */
    size_t size;
    const char *own;
    PyObject *names; /* list of str */
    Py_ssize_t count;
} rp_search;

/* Somebody saved it, it has not ended, and nobody works on it now. */
static bool is_unfinished(const rp_search *search, const char *file_name) {
    rs_file *file = NULL;
    rs_state *state = NULL;
    rs_recovery recovery = {0};
    rs_error error = {0};
    rs_lock lock;
    bool unfinished = false;
    if (rs_file_open(search->folder, file_name, false, &file, &recovery, &error) == RESUME_OK &&
        rs_file_look(file, 0, &state, &error) == RESUME_OK)
        unfinished = !rs_state_meta(state)->ended;
    rs_state_free(state);
    rs_file_close(file);
    if (!unfinished || rs_lock_take(search->folder, file_name, &lock, &error) != RESUME_OK)
        return false;
    rs_lock_release(search->folder, &lock);
    return true;
}

static int visit(void *context, const char *file_name) {
    rp_search *search = context;
    char name[RS_FILE_NAME_SIZE];
    if (rs_name_role(file_name) != RS_ROLE_CHECKPOINT ||
        strncmp(file_name, search->prefix, search->size) != 0 ||
        strcmp(file_name, search->own) == 0 || !is_unfinished(search, file_name) ||
        !rs_name_decode(file_name, name, sizeof name))
        return 0;
    search->count++;
    if (PyList_GET_SIZE(search->names) >= NAMES_TOLD) return 0;
    PyObject *text = PyUnicode_DecodeUTF8(name, (Py_ssize_t)strlen(name), "replace");
    int status = text == NULL ? -1 : PyList_Append(search->names, text);
    Py_XDECREF(text);
    return status;
}

static int tell(const rp_search *search) {
    rp_checkpoint *self = search->self;
    PyObject *comma = PyUnicode_FromString("', '");
    PyObject *names = comma == NULL ? NULL : PyUnicode_Join(comma, search->names);
    int status = -1;
    if (names != NULL)
        status = rp_warn(self->state,
                         "%zd unfinished call%s of '%U' with other arguments %s kept in '%U' "
                         "('%U'%s): call it with those to go on ('resume show' tells them; 'resume "
                         "rm' removes what is not needed); this call begins anew",
                         search->count, search->count == 1 ? "" : "s", self->caller.function,
                         search->count == 1 ? "is" : "are", self->caller.folder, names,
                         search->count > PyList_GET_SIZE(search->names) ? ", ..." : "");
    Py_XDECREF(names);
    Py_XDECREF(comma);
    return status;
}

static int search_folder(rp_search *search) {
    rs_error error = {0};
    if (rs_folder_open(search->self->state->os, rs_checkpoint_look(search->self->engine)->folder,
                       false, &search->folder, &error) != RESUME_OK)
        return 0; /* whoever writes there will say why */
    search->folder->os->list(search->folder->os, search->folder->fd, visit, search);
    rs_folder_close(search->folder);
    if (PyErr_Occurred()) return -1;
    return search->count == 0 ? 0 : tell(search);
}

int rp_others_tell(rp_checkpoint *self) {
    const char *own = PyUnicode_AsUTF8(self->caller.file_name);
    const char *mark = own == NULL ? NULL : strstr(own, "%40");
    if (mark == NULL) return own == NULL ? -1 : 0;
    PyObject *prefix = PyBytes_FromStringAndSize(own, mark + 3 - own);
    PyObject *path = prefix == NULL ? NULL : Py_BuildValue("(OO)", self->caller.folder, prefix);
    int known = path == NULL ? -1 : PySet_Contains(self->state->said_others, path);
    int status = known;
    if (known == 0) {
        rp_search search = {.self = self,
                            .prefix = PyBytes_AS_STRING(prefix),
                            .size = (size_t)PyBytes_GET_SIZE(prefix),
                            .own = own,
                            .names = PyList_New(0)};
        status = search.names == NULL ? -1 : PySet_Add(self->state->said_others, path);
        if (status == 0) status = search_folder(&search);
        Py_XDECREF(search.names);
    }
    Py_XDECREF(path);
    Py_XDECREF(prefix);
    return status < 0 ? -1 : 0;
}
