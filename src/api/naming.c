/* Names of checkpoints, from the program and the function or from the caller. */
#include "api/naming.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

const char *rs_default_folder(void) {
    const char *folder = rs_environment("RESUME_DIR");
    return folder ? folder : ".checkpoints";
}

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

resume_status rs_naming_split(const char *path, char **folder, char name[RS_FILE_NAME_SIZE],
                              rs_error *error) {
    const char *base = base_of(path);
    size_t size = (size_t)(base - path);
    if (strlen(base) >= RS_FILE_NAME_SIZE)
        return rs_fail(error, RESUME_BAD_NAME, "the name of the file '%s' is too long", base);
    memcpy(name, base, strlen(base) + 1);
    if (size > 1) size--; /* the slash, but that of the root */
    *folder = rs_allocate(size + 1);
    if (!*folder) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a path");
    memcpy(*folder, path, size);
    (*folder)[size] = 0;
    return RESUME_OK;
}

/* A path names the file, whose name the store may have encoded ("sim.main%405"). */
static resume_status name_from_path(rs_naming *naming, const char *path,
                                    const resume_options *options, rs_error *error) {
    char decoded[RS_FILE_NAME_SIZE];
    if (options->folder)
        return rs_fail(error, RESUME_MISUSE,
                       "the name is a path and `folder` is given, too: give the folder once");
    resume_status status = rs_naming_split(path, &naming->folder, naming->name, error);
    if (status == RESUME_OK && strchr(naming->name, '%') &&
        rs_name_role(naming->name) == RS_ROLE_CHECKPOINT &&
        rs_name_decode(naming->name, decoded, sizeof decoded))
        memcpy(naming->name, decoded, sizeof decoded);
    return status;
}

static resume_status name_from_program(rs_naming *naming, const char *function, rs_error *error) {
    char name[2 * RS_FILE_NAME_SIZE];
    const char *base = base_of(naming->program);
    if (!*base) base = "program";
    snprintf(name, sizeof name, "%.255s.%.255s", base, function);
    return rs_name_fit(name, strlen(name), naming->name, error);
}

static resume_status add_rank(rs_naming *naming, const resume_options *options, rs_error *error) {
    const char *rank;
    if (!rs_is_rank(&rank)) return RESUME_OK;
    if (!options->independent_ranks)
        return rs_fail(error, RESUME_MISUSE,
                       "several processes of one parallel job run this program, and all would "
                       "write the same checkpoint: set `independent_ranks` to give each rank its "
                       "own");
    size_t size = strlen(naming->name);
    if (rank) snprintf(naming->name + size, sizeof naming->name - size, "@rank%.32s", rank);
    return RESUME_OK;
}

resume_status rs_naming_find(rs_naming *naming, const char *name, const char *function,
                             const resume_options *options, rs_error *error) {
    resume_status status = RESUME_OK;
    if (!function || !*function) function = "main";
    if (options->program)
        snprintf(naming->program, sizeof naming->program, "%s", options->program);
    else
        rs_program_path(naming->program);
    snprintf(naming->function, sizeof naming->function, "%.100s:%.100s", base_of(naming->program),
             function);
    naming->is_named = name != NULL;
    if (!name)
        status = name_from_program(naming, function, error);
    else if (strchr(name, '/'))
        status = name_from_path(naming, name, options, error);
    else if (strlen(name) >= sizeof naming->name)
        status =
            rs_fail(error, RESUME_BAD_NAME,
                    "the name of the checkpoint has %zu bytes: choose a shorter one", strlen(name));
    else
        memcpy(naming->name, name, strlen(name) + 1);
    return status ? status : add_rank(naming, options, error);
}

void rs_naming_release(rs_naming *naming) {
    rs_free(naming->folder);
    naming->folder = NULL;
}
