/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/print.h"
#include "tests/support/cmocka.h"

static const char lb[] =
	"[{\"metadata\":{\"name\":\"web\"},\"spec\":{\"networkRef\":{\"name\":\"net\"},"
	"\"ports\":[{\"protocol\":\"TCP\",\"port\":80},{\"protocol\":\"UDP\",\"port\":53,"
	"\"endPort\":60}]},\"status\":{\"ips\":[{\"ip\":\"10.0.0.1\"},{\"ip\":\"fd00::1\"}],"
	"\"destinations\":{\"total\":3,\"ready\":2},\"nodes\":{\"total\":5,\"programmed\":4},"
	"\"addresses\":[{\"index\":0,\"state\":\"Programmed\"}],"
	"\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\",\"reason\":\"NodesPending\"}]}}]";

/* What `print` writes to stdout. */
static void capture(void (*print)(const json_t *items), const json_t *items, char text[static 4096])
{
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);

	assert_non_null(file);
	assert_int_equal(fflush(stdout), 0);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	print(items);
	assert_int_equal(fflush(stdout), 0);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	assert_int_equal(close(saved), 0);
	rewind(file);
	text[fread(text, 1, 4095, file)] = '\0';
	assert_int_equal(fclose(file), 0);
}

static void as_table(const json_t *items)
{
	print_objects(items, KIND_LOAD_BALANCER, OUTPUT_TABLE, false);
}

static void as_wide(const json_t *items)
{
	print_objects(items, KIND_LOAD_BALANCER, OUTPUT_WIDE, false);
}

static void as_names(const json_t *items)
{
	print_objects(items, KIND_LOAD_BALANCER, OUTPUT_NAME, false);
}

static void as_event(const json_t *items)
{
	json_t *event =
		json_pack("{s:s, s:O}", "type", "DELETED", "object", json_array_get(items, 0));

	print_event(event, KIND_LOAD_BALANCER, OUTPUT_TABLE);
	json_decref(event);
}

static void test_tables_names_and_events(void **state)
{
	json_t *items = json_loads(lb, 0, NULL);
	char text[4096];

	(void)state;
	assert_non_null(items);
	capture(as_table, items, text);
	assert_string_equal(
		text,
		"NAME   NETWORK   IPS                PORTS              DESTINATIONS   READY"
		"          AGE\n"
		"web    net       10.0.0.1,fd00::1   80/TCP,53-60/UDP   2/3            NodesPending"
		"   -\n");
	capture(as_wide, items, text);
	assert_non_null(strstr(text, "NODES   ADDRESSES"));
	assert_non_null(strstr(text, "4/5     Programmed"));
	capture(as_names, items, text);
	assert_string_equal(text, "loadbalancer/web\n");
	capture(as_event, items, text);
	assert_true(strncmp(text, "(deleted)   web ", 16) == 0);
	json_decref(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_names_and_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
