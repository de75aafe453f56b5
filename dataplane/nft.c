/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/nft.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <nftables/libnftables.h>
#include <string.h>
#include <time.h>

#include "base/array.h"

#define FD_LIMIT 1024 /* FD_SETSIZE */
#define N_TRIES  6    /* 1 + 2 + 4 + 8 + 16 ms between them */

struct nft {
	int placeholder; /* keeps a low descriptor for the next context's socket */
	struct nft_counts counts;
};

static int hold_low_fd(struct nft *nft)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fd >= FD_LIMIT) {
		(void)close(fd);
		return -EMFILE;
	}
	nft->placeholder = fd;
	return 0;
}

int nft_new(struct nft **ret_nft, struct error *err)
{
	auto_call(nft_freep) struct nft *nft = NULL;
	int r;

	nft = calloc(1, sizeof(*nft));
	if (!nft)
		return error_set(err, -ENOMEM, "out of memory");
	nft->placeholder = -1;
	r = hold_low_fd(nft);
	if (r < 0)
		return error_errno(err, r, "no file descriptor below %d for nftables", FD_LIMIT);
	*ret_nft = TAKE(nft);
	return 0;
}

void nft_free(struct nft *nft)
{
	if (!nft)
		return;
	if (nft->placeholder >= 0)
		(void)close(nft->placeholder);
	free(nft);
}

/*
 * libnftables gives -1 for everything and leaves errno to chance: the text of the kernel's errno at
 * the end of its first line is all there is.
 */
static int code_of(const char *line)
{
	static const int codes[] = {ENOBUFS, EAGAIN, EINTR,  EPERM,
				    ENOMEM,  EEXIST, ENOENT, EOPNOTSUPP};
	size_t len = strlen(line);

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		const char *name = strerrordesc_np(codes[i]);
		size_t n = strlen(name);

		if (len >= n && strcmp(line + len - n, name) == 0)
			return -codes[i];
	}
	return -EINVAL;
}

/* "internal:0:0-0: Error: Could not process rule: File exists": what follows "Error: ". */
static int refuse(const char *output, struct error *err)
{
	const char *start = strstr(output, "Error: ");
	char line[sizeof(err->text) - 16];

	start = start ? start + strlen("Error: ") : output;
	(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(start, "\n"), start);
	return error_set(err, code_of(line), "nftables: %s", *line ? line : "refused");
}

static int run_once(struct nft_ctx *ctx, const char *text, bool dry, struct error *err)
{
	nft_ctx_set_dry_run(ctx, dry);
	if (nft_ctx_buffer_output(ctx) != 0 || nft_ctx_buffer_error(ctx) != 0)
		return error_set(err, -ENOMEM, "out of memory");
	if (nft_run_cmd_from_buffer(ctx, text) != 0)
		return refuse(nft_ctx_get_error_buffer(ctx), err);
	return 0;
}

static int run_in_new_context(struct nft *nft, const char *text, bool dry, struct error *err)
{
	struct nft_ctx *ctx;
	int r;

	if (nft->placeholder < 0 && hold_low_fd(nft) < 0)
		return error_set(err, -EAGAIN, "no file descriptor below %d is free", FD_LIMIT);
	/* Another thread may take the descriptor now: then the context gets one that is as low. */
	(void)close(TAKE(nft->placeholder));
	nft->placeholder = -1;
	ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!ctx)
		return error_set(err, -ENOMEM, "out of memory");
	r = run_once(ctx, text, dry, err);
	nft_ctx_free(ctx);
	(void)hold_low_fd(nft); /* a failure is met at the next operation, which says so */
	return r;
}

static int run(struct nft *nft, const char *text, bool dry, struct error *err)
{
	struct timespec pause = {.tv_nsec = 1000000};
	int r;

	for (int i = 1;; i++) {
		r = run_in_new_context(nft, text, dry, err);
		if (i == N_TRIES || (r != -ENOBUFS && r != -EAGAIN && r != -EINTR))
			return r;
		(void)nanosleep(&pause, NULL);
		pause.tv_nsec *= 2;
	}
}

int nft_run(struct nft *nft, const char *text, struct error *err)
{
	int r = run(nft, text, false, err);

	nft->counts.n_transactions++;
	nft->counts.n_failed += r < 0;
	return r;
}

struct nft_counts nft_counts(const struct nft *nft)
{
	return nft->counts;
}

int nft_check(struct nft *nft, const char *text, struct error *err)
{
	return run(nft, text, true, err);
}

void nft_trim(void)
{
	(void)malloc_trim(0);
}
