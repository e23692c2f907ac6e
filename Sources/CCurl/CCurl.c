#include "CCurl.h"

#include <stdlib.h>
#include <string.h>

struct circles_curl_upload {
    const char *bytes;
    size_t count;
    size_t position;
};

CURLcode circles_curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

CURLcode circles_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

CURLcode circles_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

CURLcode circles_curl_response_code(CURL *handle, long *code) {
    return curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, code);
}

static size_t read_upload(char *buffer, size_t size, size_t items, void *context) {
    circles_curl_upload *upload = context;
    size_t room = size * items;
    size_t left = upload->count - upload->position;
    size_t count = left < room ? left : room;
    memcpy(buffer, upload->bytes + upload->position, count);
    upload->position += count;
    return count;
}

circles_curl_upload *circles_curl_upload_new(CURL *handle, const void *bytes, size_t count) {
    circles_curl_upload *upload = malloc(sizeof *upload);
    if (upload == NULL) return NULL;
    upload->bytes = bytes;
    upload->count = count;
    upload->position = 0;
    if (curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L) != CURLE_OK
        || curl_easy_setopt(handle, CURLOPT_READFUNCTION, read_upload) != CURLE_OK
        || curl_easy_setopt(handle, CURLOPT_READDATA, upload) != CURLE_OK) {
        free(upload);
        return NULL;
    }
    return upload;
}

void circles_curl_upload_free(circles_curl_upload *upload) {
    free(upload);
}
