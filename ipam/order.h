/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/auto.h"
#include "ipam/document.h"

/*
 * The order in which the documents of a manifest are decided, so that their order in the file does not
 * matter: what others refer to comes first, and among equals those that ask for a certain address
 * or block come before those that take any. Pure.
 *
 * @ret_order: n_items indexes into `documents->items`, the caller frees it; stable.
 * Return: 0, -ENOMEM.
 */
must_check int order_documents(const struct documents *documents, size_t **ret_order);
