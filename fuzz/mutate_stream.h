/* Mutations of an object stream (CBOR) that keep it well-formed, mostly. */
#ifndef FUZZ_MUTATE_STREAM_H
#define FUZZ_MUTATE_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* In place; the new size, at most `max_size`. The same seed does the same. */
size_t mutate_stream(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);
#endif
