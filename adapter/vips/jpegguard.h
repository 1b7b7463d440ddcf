/* How libjpeg ends in this process: by a jump, with a line in vips_error_buffer. */
#ifndef MERIDIAN_VIPS_JPEGGUARD_H
#define MERIDIAN_VIPS_JPEGGUARD_H

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

/* What a call of libjpeg's is watched by: its owner gives setjmp(out) before the
 * first call, and is back there when one fails, or when cancel was raised. */
typedef struct {
	struct jpeg_error_mgr mgr;
	struct jpeg_progress_mgr progress;
	jmp_buf out;
	int *cancel; /* as MvLoad's; NULL for none */
} JpegGuard;

/* For the err of a jpeg_compress_struct or jpeg_decompress_struct. Its progress
 * is &guard->progress, once it is created. */
struct jpeg_error_mgr *jpeg_guard(JpegGuard *guard, int *cancel);

/* Asks whether to go on, where libjpeg itself does not. */
void jpeg_guard_ask(j_common_ptr c);

#endif
