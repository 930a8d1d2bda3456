/* What must be on a disk: the word of a program that saves versions of its state.
 *
 * Every save, and every mark, gets a number of its own, its version, which META carries as "saves".
 * The oracle is a value: at each moment of the log of a model disk the newest copy before it says
 * what a reader may find. */
#ifndef SUPPORT_DISK_ORACLE_H
#define SUPPORT_DISK_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define ORACLE_NAMES    2
#define ORACLE_VERSIONS 64
#define ORACLE_NOTHING  0 /* the version of a checkpoint that is not there */
#define ORACLE_ASIDES   12
#define ORACLE_RUNS     4

typedef struct oracle_name {
    uint64_t allowed; /* bit v: version v may be found */
    uint64_t known;   /* what a process has found or saved: the base of what it does next */
    /* Files that must be there under another name once a version is found: bits of `asides`. */
    uint32_t needs[ORACLE_VERSIONS];
    uint64_t asides[ORACLE_ASIDES]; /* versions, of which that file must hold one */
    unsigned aside_count;
    unsigned asides_tried; /* files that may be there, at most */
    bool has_stranger;     /* whose file may be one of them, or that which is found */
    bool may_be_damaged;   /* the test damaged it */
    /* A torn end that was found: to be kept. NULL: none. */
    const uint8_t *torn;
    uint64_t torn_at, torn_size;
} oracle_name;

typedef struct disk_oracle {
    oracle_name names[ORACLE_NAMES];
    uint64_t newest;                  /* version that was given away */
    uint8_t content[ORACLE_VERSIONS]; /* the version whose state this one has */
    bool is_mark[ORACLE_VERSIONS];    /* ended */
    uint8_t run[ORACLE_VERSIONS];     /* 1 + number of the run that it names; 0: none */
    char runs[ORACLE_RUNS][24];       /* ids */
    unsigned run_count;
    uint8_t run_is_finished[ORACLE_RUNS];
    bool has_gitignore; /* the folder was made, .gitignore and all */
} disk_oracle;
#endif
