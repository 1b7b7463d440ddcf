#include "jpegguard.h"

#include <vips/vips.h>

/* A progressive JPEG may repeat its scans for ever, each at the price of the whole
 * picture; cameras and browsers' tools write about ten. */
#define MAX_SCANS 100

static void on_error(j_common_ptr c)
{
	JpegGuard *g = (JpegGuard *) c->err;
	char text[JMSG_LENGTH_MAX];
	g->mgr.format_message(c, text);
	vips_error("jpeg", "%s", text);
	longjmp(g->out, 1);
}

/* Damage in the middle of the data is shown as well as it can be, and told once:
 * whether a picture is whole was asked when it came. */
static void on_message(j_common_ptr c, int level)
{
	char text[JMSG_LENGTH_MAX];
	if (level < 0 && c->err->num_warnings++ == 0) {
		c->err->format_message(c, text);
		g_log("jpeg", G_LOG_LEVEL_WARNING, "%s", text);
	}
}

void jpeg_guard_ask(j_common_ptr c)
{
	JpegGuard *g = (JpegGuard *) c->err;
	if (g->cancel && g_atomic_int_get(g->cancel)) {
		vips_error("jpeg", "stopped");
		longjmp(g->out, 1);
	}
	if (c->is_decompressor && ((j_decompress_ptr) c)->input_scan_number > MAX_SCANS) {
		vips_error("jpeg", "more than %d scans", MAX_SCANS);
		longjmp(g->out, 1);
	}
}

struct jpeg_error_mgr *jpeg_guard(JpegGuard *g, int *cancel)
{
	struct jpeg_error_mgr *mgr = jpeg_std_error(&g->mgr);
	mgr->error_exit = on_error;
	mgr->emit_message = on_message;
	g->progress.progress_monitor = jpeg_guard_ask;
	g->cancel = cancel;
	return mgr;
}
