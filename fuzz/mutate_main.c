/* Makes mutated checkpoint files, for readers that are not in this process:
 *
 *   mutate_files SEED COUNT FOLDER FILE...
 *
 * writes FOLDER/m0, FOLDER/m1 and so on, each from one of the files, by the mutations of the fuzz
 * targets. The same arguments make the same files. */
#include "mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_OF_FILE (256u << 10)

static uint64_t random_state;

static uint64_t next_random(void) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return random_state >> 16;
}

/* In the place of libFuzzer's: a flipped bit, another byte, bytes copied. */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t max_size) {
    (void)max_size;
    if (size == 0) return 0;
    for (uint64_t left = 1 + next_random() % 4; left > 0; left--) {
        size_t at = next_random() % size, from = next_random() % size;
        size_t length = next_random() % 16;
        switch (next_random() % 3) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << next_random() % 8);
            break;
        case 1:
            bytes[at] = (uint8_t)next_random();
            break;
        default:
            if (at + length <= size && from + length <= size)
                memmove(bytes + at, bytes + from, length);
        }
    }
    return size;
}

static size_t read_file(const char *path, uint8_t *to) {
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(to, 1, SIZE_MAX_OF_FILE, file) : 0;
    if (file) fclose(file);
    return size;
}

int main(int count, char **arguments) {
    static uint8_t bytes[SIZE_MAX_OF_FILE];
    char path[4096];
    if (count < 5) {
        fputs("usage: mutate_files SEED COUNT FOLDER FILE...\n", stderr);
        return 2;
    }
    uint64_t seed = strtoull(arguments[1], NULL, 10);
    unsigned long files = strtoul(arguments[2], NULL, 10);
    for (unsigned long i = 0; i < files; i++) {
        random_state = seed * 1000003 + i;
        const char *from = arguments[4 + next_random() % (uint64_t)(count - 4)];
        image file = {bytes, read_file(from, bytes), sizeof bytes};
        mutate_image(&file, next_random());
        snprintf(path, sizeof path, "%s/m%lu", arguments[3], i);
        FILE *to = fopen(path, "wb");
        if (!to || fwrite(file.bytes, 1, file.size, to) != file.size || fclose(to)) {
            fprintf(stderr, "can't write %s\n", path);
            return 1;
        }
    }
    return 0;
}
