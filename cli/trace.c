/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/trace.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "messages/subjects.h"

/* "10.0.0.1:80", "[fd00::1]:80"; a lone address has port 0. */
static int parse_endpoint(const char *option, const char *text, struct address *ret_address,
			  uint16_t *ret_port, struct error *err)
{
	char address[ADDRESS_TEXT_MAX + 1];
	const char *begin = text[0] == '[' ? text + 1 : text, *port = "0";
	const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
	uint64_t number = 0;

	if (!end || (text[0] != '[' && strchr(end + 1, ':'))) /* without a port */
		end = begin + strlen(begin);
	else
		port = strchr(end, ':') ? strchr(end, ':') + 1 : "0";
	(void)snprintf(address, sizeof(address), "%.*s", (int)(end - begin), begin);
	if (address_parse(address, ret_address) < 0 || text_parse_u64(port, 65535, &number) < 0)
		return error_set(err, -EINVAL,
				 "--%s '%s': must be as 10.0.0.1:8080 or [2001:db8::1]:8080",
				 option, text);
	*ret_port = (uint16_t)number;
	return 0;
}

static int parse_protocol(const char *text, enum family family, uint8_t *ret_protocol,
			  struct error *err)
{
	static const struct {
		const char *name;
		uint8_t number;
	} table[] = {{"tcp", IPPROTO_TCP},
		     {"udp", IPPROTO_UDP},
		     {"sctp", IPPROTO_SCTP},
		     {"icmp", IPPROTO_ICMP}};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!text_equal(text, table[i].name))
			continue;
		*ret_protocol = table[i].number == IPPROTO_ICMP && family == FAMILY_IPV6
					? IPPROTO_ICMPV6
					: table[i].number;
		return 0;
	}
	return error_set(err, -EINVAL, "--protocol '%s': must be tcp, udp, sctp or icmp", text);
}

static int parse_flow(const struct arguments *arguments, struct trace_flow *flow,
		      char net[static SUBJECT_TOKEN_MAX + 1], struct error *err)
{
	int r;

	if (!arguments->network || !arguments->from || !arguments->to || arguments->n_words)
		return error_set(err, -EINVAL, "trace needs --network, --from and --to");
	if (subject_net_token(arguments->name_space, arguments->network, net) < 0)
		return error_set(err, -EINVAL, "'%s' is not the name of a Network",
				 arguments->network);
	r = parse_endpoint("from", arguments->from, &flow->flow.source, &flow->flow.source_port,
			   err);
	if (r == 0)
		r = parse_endpoint("to", arguments->to, &flow->flow.vip, &flow->flow.port, err);
	if (r < 0)
		return r;
	if (flow->flow.source.family != flow->flow.vip.family)
		return error_set(err, -EINVAL, "--from and --to must be of one address family");
	return parse_protocol(arguments->protocol ?: "tcp", flow->flow.vip.family, &flow->protocol,
			      err);
}

static int write_trace(struct desired_lb *const *lbs, size_t n_lbs, const struct trace_flow *flow,
		       struct error *err)
{
	auto_call(text_deinit) struct text text = {};
	struct trace trace;
	int r = trace_flow((const struct desired_lb *const *)lbs, n_lbs, flow, &trace, err);

	if (r < 0)
		return r;
	trace_write(&trace, flow, &text);
	printf("%s", text.bytes ?: "");
	return 0;
}

enum exit_status command_trace(const struct arguments *arguments, struct error *err)
{
	auto_call(session_closep) struct session *session = NULL;
	char net[SUBJECT_TOKEN_MAX + 1];
	struct trace_flow flow = {};
	struct desired_lb **lbs;
	size_t n_lbs;
	int r;

	if (parse_flow(arguments, &flow, net, err) < 0)
		return EXIT_USAGE;
	if (session_open(&arguments->bus, SESSION_TIMEOUT_MS, &session, err) < 0 ||
	    session_snapshot(session, net, &lbs, &n_lbs, err) < 0)
		return EXIT_FAILED;
	r = write_trace(lbs, n_lbs, &flow, err);
	while (n_lbs)
		desired_lb_free(lbs[--n_lbs]);
	free(lbs);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
