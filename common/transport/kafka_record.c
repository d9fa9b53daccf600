#include "common/transport/kafka_record.h"

#include <string.h>

bool kafka_record_header(const struct kafka_record *record, const char *name, struct span *ret_value)
{
        for (size_t i = 0; i < record->header_count; i++) {
                if (!span_equal(record->headers[i].name, span_of(name)))
                        continue;
                *ret_value = record->headers[i].value;
                return true;
        }
        return false;
}

/* The last one to three bytes, which fill no word of four. */
static uint32_t murmur2_tail(uint32_t hash, const uint8_t *tail, size_t size)
{
        if (size == 0)
                return hash;
        for (size_t i = size; i-- > 0;)
                hash ^= (uint32_t)tail[i] << (8 * i);
        return hash * 0x5bd1e995U;
}

/* MurmurHash2 of Kafka's Java client: little-endian words, seed 0x9747b28c. */
static uint32_t murmur2(struct span key)
{
        const uint32_t multiplier = 0x5bd1e995U;
        uint32_t hash = 0x9747b28cU ^ (uint32_t)key.size;
        size_t words = key.size / 4;

        for (size_t i = 0; i < words; i++) {
                const uint8_t *at = key.data + 4 * i;
                uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
                word *= multiplier;
                word ^= word >> 24;
                hash = hash * multiplier ^ word * multiplier;
        }
        hash = murmur2_tail(hash, key.data + 4 * words, key.size % 4);
        hash = (hash ^ hash >> 13) * multiplier;
        return hash ^ hash >> 15;
}

int32_t kafka_partition_of(struct span key, int32_t partitions)
{
        return (int32_t)((murmur2(key) & 0x7fffffffU) % (uint32_t)partitions);
}
