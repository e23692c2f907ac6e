#pragma once
#include <curl/curl.h>

/* curl_easy_setopt and curl_easy_getinfo are variadic, which Swift does not import. */
CURLcode circles_curl_set_string(CURL *handle, CURLoption option, const char *value);
CURLcode circles_curl_set_long(CURL *handle, CURLoption option, long value);
CURLcode circles_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
CURLcode circles_curl_response_code(CURL *handle, long *code);

/* Makes the handle read its upload from `bytes`, which must outlive the transfer.
   The cursor is allocated here and freed by circles_curl_upload_free. */
typedef struct circles_curl_upload circles_curl_upload;
circles_curl_upload *circles_curl_upload_new(CURL *handle, const void *bytes, size_t count);
void circles_curl_upload_free(circles_curl_upload *upload);
