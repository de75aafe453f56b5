/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cli/arguments.h"
#include "ipam/object.h"

/*
 * Objects on stdout. JSON and YAML are as the allocator gave them; tables are for eyes and may change.
 */

/*
 * @items:  array of objects; of `kind` where a table is printed.
 * @single: one object was asked for by name: JSON and YAML show it alone, not as a List.
 */
void print_objects(const json_t *items, enum kind kind, enum output output, bool single);

/* What is no object: tables behind those of the kinds. */
enum print_table { PRINT_NODES = KIND_N_KINDS, PRINT_REPLICAS, PRINT_EVENTS, PRINT_N_TABLES };

/* @answer: for JSON and YAML. @rows: for tables. */
void print_rows(const json_t *answer, const json_t *rows, enum print_table table,
		enum output output);

/* One change, {"type", "object"}: a row without headings, or a JSON line, or a YAML document. */
void print_event(const json_t *event, enum kind kind, enum output output);

/* One event of `ilb events`: a row without headings, or a JSON line, or a YAML document. */
void print_happening(const json_t *event, const json_t *rows, enum output output);

/* Any JSON: as JSON with -o json, else as YAML. */
void print_value(const json_t *json, enum output output);
