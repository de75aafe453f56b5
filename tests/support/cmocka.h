/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* cmocka with the headers that it wants before it, in their order. */

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
