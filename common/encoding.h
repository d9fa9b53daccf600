/* Text forms of bytes: UTF-8 checks, base64 (RFC 4648), SHA-256 (by libcrypto), percent-encoding for file names, UUIDs. */
#ifndef BRIG_COMMON_ENCODING_H
#define BRIG_COMMON_ENCODING_H

#include <stdbool.h>

#include "common/bytes.h"

bool utf8_valid(struct span s); /* RFC 3629: no surrogates, no over-long forms */

/* The size of the longest valid prefix. */
size_t utf8_valid_size(struct span s);

/* The largest size <= `size` at which `s` can be cut without splitting a character (an unfinished last one counts as split); `size`, at
 * most all, when what would be kept is not UTF-8 anyway. */
size_t utf8_cut(struct span s, size_t size);

/* Copies what fits of `text` into `ret_text`, `size` bytes with the NUL, cut between characters. */
void utf8_copy(char *ret_text, size_t size, struct span text);

/* Takes an unfinished character off the end of a text that was cut. */
void utf8_trim(char *text);

int base64_append(struct bytes *ret_text, struct span data); /* 0 or -1: no memory */
bool base64_valid(struct span text);
int base64_decode(struct span text, struct bytes *ret_data); /* appended; 0, or -1: not base64 */

enum { SHA256_HEX_SIZE = 65, UUID_TEXT_SIZE = 37, FILE_NAME_SIZE = 256 };

void sha256_hex(struct span data, char ret_hex[static SHA256_HEX_SIZE]);

/* `text` as one safe file-name part: bytes outside [A-Za-z0-9._-] and a leading dot are %XX; above 150 bytes cut and ended with 16 hex
 * digits of its SHA-256. */
void file_name_encode(struct span text, char ret_name[static FILE_NAME_SIZE]);

bool uuid_valid(struct span text);                    /* 8-4-4-4-12 hex digits, either case */
void uuid_make(char ret_text[static UUID_TEXT_SIZE]); /* version 4, lower case */

#endif
