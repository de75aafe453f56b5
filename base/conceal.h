/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/auto.h"

/*
 * Passwords in addresses of servers, "nats://user:password@host:4222,...": where people, logs and ps(1)
 * see the address, "***" stands for all that is in front of '@'.
 */

/* In place; the text becomes shorter, what is behind its end is cleared. NULL is fine. */
void conceal_passwords(char *text);

/*
 * A copy of the command line to work with; in the original, which ps(1) shows, passwords are concealed.
 * Return: argc + 1 pointers, the last NULL, in one block of memory with what they point to; NULL
 *         without memory.
 */
must_check char **conceal_arguments(int argc, char **argv);
