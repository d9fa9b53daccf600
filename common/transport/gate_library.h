/* The text of the Redis function library (the gate*.lua files joined), carried inside the program. */
#ifndef BRIG_TRANSPORT_GATE_LIBRARY_H
#define BRIG_TRANSPORT_GATE_LIBRARY_H

#define GATE_LIBRARY_NAME "brig"

extern const char gate_library[]; /* NUL-terminated */

#endif
