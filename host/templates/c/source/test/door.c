#undef NDEBUG
#include "door.h"

#include <assert.h>
#include <string.h>

static const char *read(const char *body) {
  return door_read((const uint8_t *)body, strlen(body));
}

int main(void) {
  assert(strcmp(read("open"), "door.opened") == 0);
  assert(strcmp(read(" closed\n"), "door.closed") == 0);
  assert(read("") == NULL && read("opened") == NULL && read("\xff") == NULL && read(" ") == NULL);
}
