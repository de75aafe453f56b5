/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "monitor/scrape.h"
#include "tests/support/cmocka.h"

/* A scrape, and clients that are plain sockets on the same loop. */
struct fixture {
	uv_loop_t loop;
	struct scrape *scrape;
	uv_timer_t later;
	unsigned n_collected;
	bool wait, without_text;
};

static void finish(struct fixture *fixture)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "a %u\n", fixture->n_collected);
	scrape_finish(fixture->scrape, fixture->without_text ? NULL : strdup(text), strlen(text));
}

static void on_later(uv_timer_t *timer)
{
	finish(timer->data);
}

static void collect(void *user)
{
	struct fixture *fixture = user;

	fixture->n_collected++;
	if (fixture->wait)
		assert_int_equal(uv_timer_start(&fixture->later, on_later, 50, 0), 0);
	else
		finish(fixture);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct scrape_place place;
	struct error err = {};

	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	assert_int_equal(uv_timer_init(&fixture->loop, &fixture->later), 0);
	fixture->later.data = fixture;
	assert_int_equal(scrape_parse("127.0.0.1:0", &place, &err), 0);
	if (scrape_new(&fixture->loop, &place, collect, fixture, &fixture->scrape, &err) < 0)
		fail_msg("%s", err.text);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	scrape_close(fixture->scrape);
	uv_close((uv_handle_t *)&fixture->later, NULL);
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&fixture->loop), 0);
	free(fixture);
	return 0;
}

static int ask(const struct fixture *fixture, const char *request)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_port = htons(scrape_port(fixture->scrape)),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	return fd;
}

/* Reads to the end of the connection while the loop runs, and closes it. */
static char *answer(struct fixture *fixture, int fd, char text[static 2048])
{
	size_t len = 0;

	for (;;) {
		ssize_t n = recv(fd, text + len, 2047 - len, MSG_DONTWAIT);

		if (n > 0)
			len += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			break;
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	text[len] = '\0';
	(void)close(fd);
	return text;
}

#define GET "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static void test_text(void **state)
{
	struct fixture *fixture = *state;
	char text[2048];

	for (unsigned i = 1; i <= 3; i++) {
		(void)answer(fixture, ask(fixture, GET), text);
		assert_non_null(strstr(text, "200 OK"));
		assert_non_null(strstr(text, "Content-Type: text/plain; version=0.0.4"));
		assert_non_null(strstr(text, i == 1 ? "\r\n\r\na 1\n" : i == 2 ? "a 2" : "a 3"));
	}
}

/* Who asks while it is being collected gets the same. */
static void test_waits_together(void **state)
{
	struct fixture *fixture = *state;
	char text[2048];
	int fds[5];

	fixture->wait = true;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = ask(fixture, GET);
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		assert_non_null(strstr(answer(fixture, fds[i], text), "a 1\n"));
	assert_int_equal(fixture->n_collected, 1);
}

static void test_refuses(void **state)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{"GET / HTTP/1.0\r\n\r\n", " 404 "},
		{"POST /metrics HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", " 405 "},
		{"nonsense\r\n\r\n", ""},
	};
	struct fixture *fixture = *state;
	char text[2048];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_non_null(strstr(answer(fixture, ask(fixture, cases[i].request), text),
				       cases[i].answer));
	assert_int_equal(fixture->n_collected, 0);
}

static void test_without_text(void **state)
{
	struct fixture *fixture = *state;
	char text[2048];

	fixture->without_text = true;
	assert_non_null(strstr(answer(fixture, ask(fixture, GET), text), " 503 "));
}

/* More than are let in, that say half a word and go. */
static void test_many(void **state)
{
	struct fixture *fixture = *state;
	int fds[SCRAPE_CONNECTIONS_MAX + 4];
	char text[2048];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = ask(fixture, "GET /met");
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		(void)close(fds[i]);
	for (int i = 0; i < 50; i++)
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	assert_non_null(strstr(answer(fixture, ask(fixture, GET), text), "a 1\n"));
}

/* Closed while somebody waits: teardown finds nothing left. */
static void test_closes_waiting(void **state)
{
	struct fixture *fixture = *state;
	int fd = ask(fixture, GET);

	fixture->wait = true;
	while (fixture->n_collected == 0)
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	(void)uv_timer_stop(&fixture->later);
	(void)close(fd);
}

static void test_gone_while_waiting(void **state)
{
	struct fixture *fixture = *state;
	char text[2048];
	int fd = ask(fixture, GET);

	fixture->wait = true;
	while (fixture->n_collected == 0)
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	(void)close(fd);
	fixture->wait = false;
	while (uv_is_active((uv_handle_t *)&fixture->later))
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	assert_non_null(strstr(answer(fixture, ask(fixture, GET), text), "a 2\n"));
}

static void test_places(void **state)
{
	static const char *const bad[] = {
		"",      "9640",       ":9640",           "localhost:9640", "::1:9640",
		"[::1]", "127.0.0.1:", "127.0.0.1:65536", "[127.0.0.1:1",   "127.0.0.1:-1",
		"[]:1"};
	struct scrape_place place;
	struct error err = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (scrape_parse(bad[i], &place, &err) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	}
	assert_int_equal(scrape_parse("[::1]:9640", &place, &err), 0);
	assert_int_equal(place.address.family, FAMILY_IPV6);
	assert_int_equal(place.port, 9640);
}

static void test_taken(void **state)
{
	struct fixture *fixture = *state;
	struct scrape_place place;
	struct error err = {};
	struct scrape *other;

	assert_int_equal(scrape_parse("127.0.0.1:0", &place, &err), 0);
	place.port = scrape_port(fixture->scrape);
	assert_int_equal(scrape_new(&fixture->loop, &place, collect, fixture, &other, &err),
			 -EADDRINUSE);
	assert_non_null(strstr(err.text, "127.0.0.1"));
}

int main(void)
{
#define WITH_SCRAPE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCRAPE(test_text),        WITH_SCRAPE(test_waits_together),
		WITH_SCRAPE(test_refuses),     WITH_SCRAPE(test_without_text),
		WITH_SCRAPE(test_many),        WITH_SCRAPE(test_closes_waiting),
		WITH_SCRAPE(test_taken),       WITH_SCRAPE(test_gone_while_waiting),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
