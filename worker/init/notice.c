#include "worker/init/notice.h"

size_t notice_add(struct notice *n, char byte)
{
        if (byte != '\n') {
                if (n->size < sizeof n->line)
                        n->line[n->size++] = byte;
                return 0;
        }
        size_t size = n->count < FRAME_NOTICES_MAX ? n->size : 0;
        n->size = 0;
        if (size)
                n->count++;
        return size;
}
