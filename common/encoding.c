#define OPENSSL_API_COMPAT 0x10101000L /* the calls of 3.0 allocate and so may fail; these cannot */

#include "common/encoding.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <uuid/uuid.h>

enum { FILE_NAME_PART_MAX = 150, FILE_NAME_DIGEST_SIZE = 16, BASE64_CHUNK = 3 << 16 };

/* Bytes that a character with this first byte takes; 0 when none starts so. */
static size_t utf8_length(uint8_t first)
{
        if (first < 0x80)
                return 1;
        if (first < 0xC2 || first > 0xF4)
                return 0;
        return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static bool utf8_continues(uint8_t byte)
{
        return (byte & 0xC0) == 0x80;
}

/* Length of the valid character at the start of `s`; 0: there is none. */
static size_t utf8_take(struct span s)
{
        size_t length = utf8_length(s.data[0]);
        if (!length || length > s.size)
                return 0;
        for (size_t i = 1; i < length; i++) {
                if (!utf8_continues(s.data[i]))
                        return 0;
        }
        uint8_t first = s.data[0], second = length > 1 ? s.data[1] : 0;
        bool over_long = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
        bool surrogate = first == 0xED && second > 0x9F;
        bool too_large = first == 0xF4 && second > 0x8F;
        return over_long || surrogate || too_large ? 0 : length;
}

static size_t ascii_run(struct span s)
{
        size_t at = 0;
        uint64_t word;
        while (at + sizeof word <= s.size) {
                memcpy(&word, s.data + at, sizeof word);
                if (word & 0x8080808080808080)
                        break;
                at += sizeof word;
        }
        return at;
}

size_t utf8_valid_size(struct span s)
{
        size_t at = 0;
        while (at < s.size) {
                at += ascii_run((struct span){s.data + at, s.size - at});
                if (at == s.size)
                        break;
                size_t length = utf8_take((struct span){s.data + at, s.size - at});
                if (!length)
                        break;
                at += length;
        }
        return at;
}

bool utf8_valid(struct span s)
{
        return utf8_valid_size(s) == s.size;
}

/* Where the last, perhaps unfinished, character within the first `size` bytes begins, if it is unfinished; else `size`. */
static size_t utf8_border(struct span s, size_t size)
{
        size_t start = size;
        while (start > 0 && size - start < 3 && utf8_continues(s.data[start - 1]))
                start--;
        if (start == 0)
                return size;
        size_t length = utf8_length(s.data[start - 1]);
        return length > size - start + 1 ? start - 1 : size;
}

size_t utf8_cut(struct span s, size_t size)
{
        if (size > s.size)
                size = s.size;
        size_t border = utf8_border(s, size);
        return utf8_valid((struct span){s.data, border}) ? border : size;
}

void utf8_copy(char *ret_text, size_t size, struct span text)
{
        size_t kept = text.size < size ? text.size : utf8_border(text, size - 1);
        if (kept)
                memcpy(ret_text, text.data, kept);
        ret_text[kept] = 0;
}

void utf8_trim(char *text)
{
        struct span s = span_of(text);
        text[utf8_border(s, s.size)] = 0;
}

int base64_append(struct bytes *ret_text, struct span data)
{
        size_t text_size = (data.size + 2) / 3 * 4;
        if (bytes_reserve(ret_text, text_size) < 0)
                return -1;
        for (size_t at = 0; at < data.size; at += BASE64_CHUNK) {
                size_t size = data.size - at < BASE64_CHUNK ? data.size - at : BASE64_CHUNK;
                ret_text->size += (size_t)EVP_EncodeBlock(ret_text->data + ret_text->size, data.data + at, (int)size);
        }
        return 0;
}

static bool base64_char(uint8_t c)
{
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* EVP_DecodeBlock passes over white space and misplaced padding; here both are refused. */
static bool base64_strict(struct span text, size_t *ret_padding)
{
        size_t padding = 0;
        while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=')
                padding++;
        for (size_t i = 0; i < text.size - padding; i++) {
                if (!base64_char(text.data[i]))
                        return false;
        }
        *ret_padding = padding;
        return text.size % 4 == 0;
}

bool base64_valid(struct span text)
{
        size_t padding;
        return base64_strict(text, &padding);
}

int base64_decode(struct span text, struct bytes *ret_data)
{
        static const size_t chunk = (size_t)BASE64_CHUNK / 3 * 4;
        size_t padding;
        if (!base64_strict(text, &padding) || bytes_reserve(ret_data, text.size / 4 * 3) < 0)
                return -1;
        for (size_t at = 0; at < text.size; at += chunk) {
                size_t size = text.size - at < chunk ? text.size - at : chunk;
                ret_data->size += (size_t)EVP_DecodeBlock(ret_data->data + ret_data->size, text.data + at, (int)size);
        }
        ret_data->size -= padding;
        ret_data->data[ret_data->size] = 0;
        return 0;
}

void sha256_hex(struct span data, char ret_hex[static SHA256_HEX_SIZE])
{
        uint8_t digest[SHA256_DIGEST_LENGTH];
        SHA256_CTX context;
        SHA256_Init(&context);
        SHA256_Update(&context, data.data, data.size);
        SHA256_Final(digest, &context);
        for (size_t i = 0, at = 0; i < sizeof digest; i++, at += 2)
                snprintf(ret_hex + at, 3, "%02x", digest[i]);
}

static bool file_name_plain(uint8_t byte, bool first)
{
        return byte < 0x80 && (isalnum(byte) || byte == '_' || byte == '-' || (byte == '.' && !first));
}

/* Encodes as much as fits in `room` characters; the number of bytes of `text` that did. */
static size_t file_name_fill(struct span text, size_t room, char *ret_name)
{
        size_t at = 0, size = 0;
        for (; at < text.size; at++) {
                bool plain = file_name_plain(text.data[at], at == 0);
                if (size + (plain ? 1 : 3) > room)
                        break;
                size += (size_t)snprintf(ret_name + size, 4, plain ? "%c" : "%%%02X", text.data[at]);
        }
        ret_name[size] = 0;
        return at;
}

void file_name_encode(struct span text, char ret_name[static FILE_NAME_SIZE])
{
        char digest[SHA256_HEX_SIZE];
        ret_name[0] = '%'; /* an empty text needs a name too, one that no other text has */
        ret_name[1] = 0;
        if (!text.size || file_name_fill(text, FILE_NAME_PART_MAX, ret_name) == text.size)
                return;
        sha256_hex(text, digest);
        file_name_fill(text, FILE_NAME_PART_MAX - FILE_NAME_DIGEST_SIZE - 1, ret_name);
        size_t size = strlen(ret_name);
        snprintf(ret_name + size, FILE_NAME_SIZE - size, "-%.*s", FILE_NAME_DIGEST_SIZE, digest);
}

bool uuid_valid(struct span text)
{
        if (text.size != UUID_TEXT_SIZE - 1)
                return false;
        for (size_t i = 0; i < text.size; i++) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;
                if (dash ? text.data[i] != '-' : !isxdigit(text.data[i]))
                        return false;
        }
        return true;
}

void uuid_make(char ret_text[static UUID_TEXT_SIZE])
{
        uuid_t id;
        uuid_generate_random(id);
        uuid_unparse_lower(id, ret_text);
}
