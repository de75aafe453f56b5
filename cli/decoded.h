/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

/*
 * Messages of the bus as JSON, for people: every field of messages/ilb.proto that is not empty.
 */

/*
 * @type: "desired", "status", "sync", "alive", "health", "probe", "note", or the subject that the message came on; NULL takes
 *        the first of these that it can be.
 * @ret_json: a new reference.
 * Return: 0, -EINVAL (no such type), -EBADMSG, -E2BIG, -ENOMEM.
 */
must_check int decoded_json(const char *type, const void *bytes, size_t len, json_t **ret_json,
			    struct error *err);
