// The C library of a plugin: an allocator and a few functions on bytes.
//
// A block has a size of a power of two, header included. Freed blocks are kept by size and given out
// again, so that a plugin which does the same for every picture soon asks for no more memory.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 65536u
#define CLASS_MIN 5u // 32 bytes: what is handed out is aligned to 16
#define CLASS_MAX 30u

// Lies before what is handed out, and fills 16 bytes.
struct header {
  struct header *next;
  uint32_t class;
  uint64_t unused;
};

_Static_assert(sizeof(struct header) == 16, "keeps the alignment");

extern uint8_t __heap_base;

static struct header *freed[CLASS_MAX + 1];
static uintptr_t unused_from;
static uintptr_t unused_to;

// Memory that was never handed out; NULL where the host refuses more.
static struct header *fresh(size_t size) {
  if (unused_from == 0) {
    unused_from = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
    unused_to = (uintptr_t)__builtin_wasm_memory_size(0) * PAGE_BYTES;
  }
  if (unused_to - unused_from < size) {
    size_t pages = (size - (unused_to - unused_from) + PAGE_BYTES - 1) / PAGE_BYTES;
    if (__builtin_wasm_memory_grow(0, pages) == SIZE_MAX) {
      return NULL;
    }
    unused_to += pages * PAGE_BYTES;
  }
  struct header *block = (struct header *)unused_from;
  unused_from += size;
  return block;
}

void *malloc(size_t size) {
  if (size > ((size_t)1 << CLASS_MAX) - sizeof(struct header)) {
    return NULL;
  }
  uint32_t class = CLASS_MIN;
  while (((size_t)1 << class) - sizeof(struct header) < size) {
    class++;
  }
  struct header *block = freed[class];
  if (block != NULL) {
    freed[class] = block->next;
  } else {
    block = fresh((size_t)1 << class);
    if (block == NULL) {
      return NULL;
    }
    block->class = class;
  }
  return block + 1;
}

void free(void *block) {
  if (block == NULL) {
    return;
  }
  struct header *header = (struct header *)block - 1;
  header->next = freed[header->class];
  freed[header->class] = header;
}

void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    return NULL;
  }
  void *block = malloc(bytes);
  return block == NULL ? NULL : memset(block, 0, bytes);
}

void *realloc(void *old, size_t size) {
  if (old == NULL) {
    return malloc(size);
  }
  size_t room = ((size_t)1 << ((struct header *)old - 1)->class) - sizeof(struct header);
  if (size <= room) {
    return old;
  }
  void *block = malloc(size);
  if (block != NULL) {
    memcpy(block, old, room);
    free(old);
  }
  return block;
}

_Noreturn void abort(void) {
  __builtin_trap();
}

// These three are single instructions of WebAssembly, which clang knows.
void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  return __builtin_memcpy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size) {
  return __builtin_memmove(to, from, size);
}

void *memset(void *to, int value, size_t size) {
  return __builtin_memset(to, value, size);
}

int memcmp(const void *one, const void *other, size_t size) {
  const uint8_t *left = one, *right = other;
  for (; size > 0; size--, left++, right++) {
    if (*left != *right) {
      return *left < *right ? -1 : 1;
    }
  }
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != '\0') {
    length++;
  }
  return length;
}

int strcmp(const char *one, const char *other) {
  while (*one != '\0' && *one == *other) {
    one++, other++;
  }
  return (uint8_t)*one - (uint8_t)*other;
}
