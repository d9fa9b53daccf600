#include "common/profile.h"

#include <stddef.h>

const char *const network_names[] = {"bridge", "loopback", "none", NULL};

const char *network_name(enum network network)
{
        return network_names[network];
}
