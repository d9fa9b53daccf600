/* A program's output on its way to a terminal, file or pipe of ours, without ever making the loop wait for the reader: what cannot be
 * written now is kept (the output budget bounds it) and tried again every few milliseconds. On a terminal, control characters other than
 * tab, newline and return are shown as '?': the program is not trusted to drive it. */
#ifndef BRIG_CLI_ECHO_H
#define BRIG_CLI_ECHO_H

#include <stdbool.h>
#include <uv.h>

#include "common/bytes.h"

struct echo { /* address-stable while open */
        int fd;
        bool terminal;
        bool after_c2; /* the last byte was 0xC2, by which UTF-8 writes the control characters above 0x7F */
        bool broken;
        struct bytes pending;
        uv_timer_t again;
};

void echo_open(struct echo *echo, uv_loop_t *loop, int fd);

/* 0, or -1: nobody reads any more (told once more with each call), or no memory. */
int echo_write(struct echo *echo, struct span data);

/* Stops its timer; the loop must run once more before the memory goes. What is pending stays for echo_finish. */
void echo_close(struct echo *echo);

/* After the loop: writes what is pending, waiting for the reader, and frees. */
void echo_finish(struct echo *echo);

#endif
