/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "ipam/object.h"

/* Both shells expand these. Contexts of other names are left out: a shell might read more in them. */
#define KINDS "$kinds"
#define CONTEXTS \
	"$(ilb context ls 2>/dev/null | cut -c 3- | cut -d \" \" -f 1 | grep -x \"[A-Za-z0-9._-]*\")"

/* What the values of options can be, by what --help calls them; others are anything. */
static const struct {
	const char *command; /* NULL: of all that have it */
	const char *value, *words;
} values[] = {
	{NULL, "FORMAT", "table wide json yaml name"},
	{"wait", "STATE", "ready deleted"},
	{"events", "STATE", KINDS},
	{NULL, "PROTOCOL", "tcp udp sctp icmp"},
	{NULL, "CONTEXT", CONTEXTS},
};

static const char *value_words(const char *command, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (text_equal(values[i].value, value) &&
		    (!values[i].command || text_equal(values[i].command, command)))
			return values[i].words;
	}
	return NULL;
}

static bool takes_context(const struct command *command)
{
	return strstr(command->operands, "[CONTEXT]") != NULL;
}

/* Operands that begin with a choice of words: "add|ls [CONTEXT]"; not "[TYPE|SUBJECT]", which stand for words. */
static bool has_choices(const char *operands)
{
	return *operands != '[' && memchr(operands, '|', strcspn(operands, " "));
}

/* "add ls" */
static void add_choices(const char *operands, struct text *text)
{
	for (size_t i = 0; i < strcspn(operands, " "); i++)
		text_addf(text, "%c", operands[i] == '|' ? ' ' : operands[i]);
}

static void add_kinds(struct text *text)
{
	for (size_t kind = 0; kind < KIND_N_KINDS; kind++)
		text_addf(text, "%s%s", kind ? " " : "", kind_token((enum kind)kind));
}

/* "-f --filename" */
static void add_bash_option(const struct argument_option *option, struct text *text)
{
	if (option->letter)
		text_addf(text, "-%c ", option->letter);
	text_addf(text, "--%s", option->name);
}

/* The options whose value is of this sort, behind a command: "*,-f|*,--filename". */
static void add_bash_pattern(const char *command, const char *value, struct text *text)
{
	struct argument_option options[ARGUMENT_OPTIONS_MAX];
	size_t n = arguments_list(NULL, options), n_found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!text_equal(options[i].value, value))
			continue;
		if (options[i].letter)
			text_addf(text, "%s%s,-%c", n_found++ ? "|" : "", command,
				  options[i].letter);
		text_addf(text, "%s%s,--%s", n_found++ ? "|" : "", command, options[i].name);
	}
}

static void add_bash_values(struct text *text)
{
	text_add(text, "\tcase $command,$prev in\n\t");
	add_bash_pattern("*", "FILE", text);
	text_add(text,
		 ")\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n\t\treturn\n\t\t;;\n");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		text_add(text, "\t");
		add_bash_pattern(values[i].command ?: "*", values[i].value, text);
		text_addf(text, ")\n\t\twords=\"%s\" command=\n\t\t;;\n", values[i].words);
	}
	text_add(text, "\tesac\n");
}

static void add_bash_command(const struct command *command, struct text *text)
{
	struct argument_option options[ARGUMENT_OPTIONS_MAX];
	size_t n = arguments_list(command->accepts, options);

	text_addf(text, "\t%s)\n\t\twords='", command->name);
	for (size_t i = 0; i < n; i++) {
		text_add(text, i ? " " : "");
		add_bash_option(&options[i], text);
	}
	text_add(text, "'\n");
	if (text_starts(command->operands, "KIND"))
		text_add(text, "\t\twords+=\" " KINDS "\"\n");
	if (has_choices(command->operands)) {
		text_add(text, "\t\twords+=' ");
		add_choices(command->operands, text);
		text_add(text, "'\n");
	}
	if (takes_context(command))
		text_add(text, "\t\t[ \"$COMP_CWORD\" -lt 3 ] || words+=\" " CONTEXTS "\"\n");
	text_add(text, "\t\t;;\n");
}

static void write_bash(const struct command *commands, size_t n_commands, struct text *text)
{
	text_add(text, "# bash completion for ilb(1)\n_ilb()\n{\n\tlocal kinds='");
	add_kinds(text);
	text_add(text,
		 "'\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
		 "\tlocal command=${COMP_WORDS[1]} words=\n\n");
	add_bash_values(text);
	text_add(text,
		 "\t[ \"$COMP_CWORD\" -gt 1 ] || command=-\n\tcase $command in\n\t-)\n\t\twords='");
	for (size_t i = 0; i < n_commands; i++)
		text_addf(text, "%s%s", i ? " " : "", commands[i].name);
	text_add(text, "'\n\t\t;;\n");
	for (size_t i = 0; i < n_commands; i++)
		add_bash_command(&commands[i], text);
	text_add(text, "\tesac\n"
		       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		       "}\n"
		       "complete -F _ilb ilb\n");
}

/* Within single quotes. */
static void add_quoted(const char *words, struct text *text)
{
	for (const char *p = words; *p; p++)
		text_addf(text, "%.*s", *p == '\'' ? 4 : 1, *p == '\'' ? "'\\''" : p);
}

static void add_zsh_option(const char *command, const struct argument_option *option,
			   struct text *text)
{
	const char *words = option->value ? value_words(command, option->value) : NULL;

	text_add(text, " \\\n\t\t\t'*'");
	if (option->letter)
		text_addf(text, "{-%c,--%s}", option->letter, option->name);
	else
		text_addf(text, "--%s", option->name);
	text_add(text, "'[");
	add_quoted(option->help, text);
	text_add(text, "]");
	if (option->value)
		text_addf(text, ":%s:", option->value);
	if (words)
		text_addf(text, "(%s)", words);
	else if (text_equal(option->value, "FILE"))
		text_add(text, "_files");
	text_add(text, "'");
}

static void add_zsh_command(const struct command *command, struct text *text)
{
	struct argument_option options[ARGUMENT_OPTIONS_MAX];
	size_t n = arguments_list(command->accepts, options);

	text_addf(text, "\t%s)\n\t\t_arguments", command->name);
	for (size_t i = 0; i < n; i++)
		add_zsh_option(command->name, &options[i], text);
	if (text_starts(command->operands, "KIND"))
		text_add(text, " \\\n\t\t\t'*:KIND:(" KINDS ")'");
	if (has_choices(command->operands)) {
		text_add(text, " \\\n\t\t\t'1:WORD:(");
		add_choices(command->operands, text);
		text_add(text, ")'");
	}
	if (takes_context(command))
		text_add(text, " \\\n\t\t\t'2:CONTEXT:(" CONTEXTS ")'");
	text_add(text, "\n\t\t;;\n");
}

static void write_zsh(const struct command *commands, size_t n_commands, struct text *text)
{
	text_add(text, "#compdef ilb\n# zsh completion for ilb(1)\n\n"
		       "local -a commands\ncommands=(\n");
	for (size_t i = 0; i < n_commands; i++) {
		text_addf(text, "\t'%s:", commands[i].name);
		add_quoted(commands[i].summary, text);
		text_add(text, "'\n");
	}
	text_add(text, ")\nlocal -a kinds\nkinds=(");
	add_kinds(text);
	text_add(text, ")\nif ((CURRENT == 2)); then\n\t_describe command commands\n\treturn\nfi\n"
		       "shift words\n((CURRENT--))\ncase ${words[1]} in\n");
	for (size_t i = 0; i < n_commands; i++)
		add_zsh_command(&commands[i], text);
	text_add(text, "esac\n");
}

int completion_write(const char *shell, const struct command *commands, size_t n_commands,
		     struct text *text, struct error *err)
{
	if (text_equal(shell, "bash"))
		write_bash(commands, n_commands, text);
	else if (text_equal(shell, "zsh"))
		write_zsh(commands, n_commands, text);
	else
		return error_set(err, -EINVAL, "'%s' is not a shell: use bash or zsh", shell);
	return 0;
}
