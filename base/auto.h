/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ownership by scope: a local that owns something says so in its declaration, and is released
 * when it goes out of scope. TAKE() hands it on.
 *
 *	auto_free char *text = NULL;
 *	auto_call(pool_freep) struct pool *pool = NULL;
 *	...
 *	*ret_pool = TAKE(pool);
 *	return 0;
 */

#include <stdlib.h>
#include <unistd.h>

#define must_check        __attribute__((warn_unused_result))
#define printf_like(a, b) __attribute__((format(printf, a, b)))

#define auto_call(f) __attribute__((cleanup(f)))
#define auto_free    auto_call(auto_freep)
#define auto_close   auto_call(auto_closep)

/* Gives the value of `variable` away and leaves NULL (or 0) behind. */
#define TAKE(variable)                                  \
	({                                              \
		__typeof__(variable) *_p = &(variable); \
		__typeof__(variable) _v = *_p;          \
		*_p = (__typeof__(variable))0;          \
		_v;                                     \
	})

/* Defines `name##p`, the cleanup form of a destructor: auto_call(pool_freep). */
#define AUTO_DEFINE(type, destructor)               \
	static inline void destructor##p(type **_p) \
	{                                           \
		destructor(*_p);                    \
	}                                           \
	struct auto_define_needs_a_semicolon

static inline void auto_freep(void *p)
{
	free(*(void **)p);
}

static inline void auto_closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing was written through it that could be lost */
}
