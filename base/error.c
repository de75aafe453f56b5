/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

static void append(struct error *err, size_t at, const char *text)
{
	if (at < sizeof(err->text))
		(void)snprintf(err->text + at, sizeof(err->text) - at, "%s", text); /* may be cut */
}

int error_set(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return code;

	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	return code;
}

int error_errno(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return code;

	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	append(err, strlen(err->text), ": ");
	append(err, strlen(err->text), strerrordesc_np(-code) ?: "unknown error");
	return code;
}

int error_prefix(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return code;

	struct error inner = *err;
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	append(err, strlen(err->text), ": ");
	append(err, strlen(err->text), inner.text);
	return code;
}
