/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/text.h"
#include "ipam/node.h"

/*
 * What an unquoted YAML scalar means to Kubernetes' tools: YAML 1.1 as the Go library
 * gopkg.in/yaml.v2 reads it, in which `yes` and `on` are booleans and `1_000` is a number.
 * Dates stay strings.
 */
enum node_type scalar_resolve(const char *plain);

/* Writes a string as a YAML scalar that reads back as this string: plain where that is safe. */
void scalar_write(const char *string, struct text *text);
