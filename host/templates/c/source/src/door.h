// What a message says of the door. Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The kind of the event; NULL where the body is not understood.
const char *door_read(const uint8_t *body, size_t length);
