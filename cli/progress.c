/* A bar on stderr for what takes longer than a moment. Only on a terminal; gone at the end. */
#include "progress.h"

#include "command.h"

#include "base/arith.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FIRST_NS    INT64_C(1000000000) /* nothing is shown before */
#define INTERVAL_NS INT64_C(100000000)

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Clears the line and ends as the signal would have: the shell sees it, the terminal is clean. */
static void end_by_signal(int number) {
    static const char clear[] = "\r\033[K";
    ssize_t ignored = write(STDERR_FILENO, clear, sizeof clear - 1);
    (void)ignored;
    raise(number); /* SA_RESETHAND: the default action now */
}

void rc_progress_start(rc_progress *progress) {
    *progress = (rc_progress){.started_ns = now_ns()};
    progress->active = isatty(STDERR_FILENO);
}

/* A signal that the caller ignores (nohup) stays ignored. */
static void clear_on(int number) {
    struct sigaction before, action = {.sa_handler = end_by_signal};
    action.sa_flags = (int)SA_RESETHAND | SA_NODEFER;
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        sigaction(number, &action, NULL);
}

static void clear_no_more(int number) {
    struct sigaction now;
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == end_by_signal)
        signal(number, SIG_DFL);
}

/* Columns of the terminal at this moment: it may have been resized since. */
static int columns(void) {
    struct winsize window;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
}

/* "[####      ]" of `width` columns. */
static void put_bar(char *to, int width, double part) {
    int inner = width - 2, filled = (int)(part * inner);
    to[0] = '[';
    for (int i = 0; i < inner; i++)
        to[1 + i] = i < filled ? '#' : ' ';
    to[1 + inner] = ']';
    to[2 + inner] = 0;
}

/* "NAME  [###   ]   63 %  1.2 GiB of 2.0 GiB  810.0 MiB/s  1 s left", or as much as there is room
 * for. The bar has a place of its own, so that it does not jump with the figures. */
static void draw(const rc_progress *progress, const char *name, int64_t passed_ns) {
    enum { FIGURES = 48, BAR_MIN = 8, BAR_MAX = 42, NAME_MAX_SHOWN = 24 };
    char done[RC_TEXT_SIZE], total[RC_TEXT_SIZE], rate[RC_TEXT_SIZE], left[RC_TEXT_SIZE];
    char figures[5 * RC_TEXT_SIZE], bar[BAR_MAX + 1], line[1024];
    int width = columns() - 1; /* a full line would wrap on some terminals */
    double part = progress->total ? (double)progress->done / (double)progress->total : 1;
    double per_ns = (double)progress->done / (double)passed_ns;
    double left_ns = per_ns > 0 ? (double)(progress->total - progress->done) / per_ns : 0;
    int used = snprintf(figures, sizeof figures, "%3.0f %%  %s of %s  %s/s  %s left", 100 * part,
                        rc_text_size(progress->done, done), rc_text_size(progress->total, total),
                        rc_text_size((uint64_t)(per_ns * 1e9), rate),
                        rc_text_duration((int64_t)left_ns, left));
    int name_width = (int)rs_minimum(strlen(name), NAME_MAX_SHOWN);
    int bar_width = width - name_width - 4 - (used > FIGURES ? used : FIGURES);
    if (bar_width >= BAR_MIN) {
        put_bar(bar, bar_width < BAR_MAX ? bar_width : BAR_MAX, part);
        snprintf(line, sizeof line, "%.*s  %s  %s", name_width, name, bar, figures);
    } else if (name_width + 2 + used <= width) {
        snprintf(line, sizeof line, "%.*s  %s", name_width, name, figures);
    } else if (used <= width) {
        snprintf(line, sizeof line, "%s", figures);
    } else {
        snprintf(line, sizeof line, "%3.0f %%", 100 * part);
    }
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
}

void rc_progress_update(rc_progress *progress, const char *name, uint64_t done, uint64_t total) {
    if (!progress->active) return;
    int64_t now = now_ns();
    progress->done = done < total ? done : total;
    progress->total = total;
    if (now - progress->started_ns < FIRST_NS || now - progress->drawn_ns < INTERVAL_NS) return;
    progress->drawn_ns = now;
    if (!progress->shown) {
        clear_on(SIGINT);
        clear_on(SIGTERM);
    }
    progress->shown = true;
    draw(progress, name, now - progress->started_ns);
}

void rc_progress_clear(rc_progress *progress) {
    if (!progress->shown) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    clear_no_more(SIGINT);
    clear_no_more(SIGTERM);
    progress->shown = false;
}
