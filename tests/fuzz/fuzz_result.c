/* Any JSON as a result: what is read must be written and read back alike. */
#include <stdlib.h>

#include "common/json.h"
#include "common/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct result result, again;
        struct error e;
        json_t *record = json_document_parse((struct span){data, size}, &e);
        if (record && result_from_json(&result, record, &e) == 0) {
                json_t *written = result_to_json(&result);
                if (!written || result_from_json(&again, written, &e) < 0)
                        abort();
                json_decref(written);
                result_deinit(&result);
                result_deinit(&again);
        }
        json_decref(record);
        return 0;
}
