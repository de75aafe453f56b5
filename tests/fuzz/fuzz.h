/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * A fuzzer is this function: it reads foreign bytes, and dies where something is wrong. libFuzzer
 * calls it with what it makes up; tests/fuzz/replay.c with a kept corpus.
 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
