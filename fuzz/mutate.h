/* Mutations of a checkpoint file that get behind its checksums. */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include "image.h"

/* Changes the file in place, within its capacity; the same seed does the same. */
void mutate_image(image *file, uint64_t seed);
/* libFuzzer's own mutations of plain bytes; mutate_main.c has a plain one in its place. */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t max_size);
#endif
