/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/require.h"
#include "cli/answer.h"
#include "cli/decoded.h"
#include "cli/print.h"
#include "cli/rates.h"
#include "tests/fuzz/fuzz.h"

/*
 * What the command line reads from the bus. The first byte chooses: a message of any type to be
 * decoded, or an answer in JSON, which is printed in the ways of all commands.
 */

/* Only the printing matters, not what is printed. File descriptor 2 is left to the sanitizers. */
static void be_silent(void)
{
	static FILE *nowhere;

	if (nowhere)
		return;
	nowhere = fopen("/dev/null", "w");
	require(nowhere);
	stdout = stderr = nowhere;
}

static void decode(unsigned choice, const uint8_t *bytes, size_t len)
{
	static const char *const types[] = {
		NULL,    "desired",
		"sync",  "ilb.v1.status.node.default_net",
		"alive", "ilb.v1.health.default_net.node",
		"note",  "ilb.v1.probe.node",
	};
	json_t *json = NULL;
	struct error err = {};

	if (decoded_json(types[choice % 8], bytes, len, &json, &err) < 0) {
		require(err.text[0] && !json);
		return;
	}
	print_value(json, choice & 8 ? OUTPUT_JSON : OUTPUT_YAML);
	json_decref(json);
}

static void print_all(const json_t *answer, const json_t *items)
{
	static const enum output outputs[] = {OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_YAML, OUTPUT_NAME};

	for (size_t i = 0; i < 4; i++) {
		for (enum kind kind = 0; kind < KIND_N_KINDS; kind++)
			print_objects(items, kind, outputs[i], i % 2);
		print_rows(answer, items, PRINT_NODES, outputs[i]);
		print_rows(answer, items, PRINT_REPLICAS, outputs[i]);
	}
	print_event(answer, KIND_LOAD_BALANCER, OUTPUT_TABLE);
	print_event(answer, KIND_LOAD_BALANCER, OUTPUT_YAML);
}

/* As `ilb top` does with what agents say of traffic. */
static void read_traffic(json_t *answer)
{
	json_t *answers = json_pack("[O, O]", answer, answer);
	json_t *first = rates_of(NULL, answers), *rows = rates_of(answer, answers);

	require(answers && first && rows);
	json_decref(first);
	json_decref(rows);
	json_decref(answers);
}

static void read_answer(const uint8_t *bytes, size_t len)
{
	json_t *answer = json_loadb((const char *)bytes, len, 0, NULL), *items = json_array();
	struct error err = {};

	require(items);
	if (answer) {
		(void)answer_print(answer, "", &err);
		(void)answer_print(answer, " (dry run)", &err);
		(void)answer_take_items(answer, items, &err);
		print_all(answer, items);
		read_traffic(answer);
		json_decref(answer);
	}
	json_decref(items);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	be_silent();
	if (len == 0)
		return 0;
	if (bytes[0] < 128)
		decode(bytes[0], bytes + 1, len - 1);
	else
		read_answer(bytes + 1, len - 1);
	return 0;
}
