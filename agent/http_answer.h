/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/auto.h"

/*
 * The status of an HTTP answer, read as it comes in, byte by byte if need be. Nothing behind the
 * status is looked at, so nothing that a server sends takes more than these few bytes.
 */
struct http_answer {
	char line[13]; /* "HTTP/1.1 200" and the byte that ends it */
	size_t len;
};

/*
 * @ret_status: 100..599, set when it returns 1.
 * Return: 1, 0 (more is needed), -EBADMSG (this is no HTTP answer).
 */
must_check int http_answer_feed(struct http_answer *answer, const void *bytes, size_t len,
				unsigned *ret_status);
