/* Animations: each frame is read, scaled and written before the next, so that never
 * more than a few are held. */
#include "bridge.h"
#include "encodewebp.h"

/* GIF and WebP store delays in milliseconds here; 0 means as fast as possible, which
 * browsers show as 100. */
#define DELAY 100

static int delay_of(VipsImage *in, int frame)
{
	int *delays, n;
	if (!vips_image_get_typeof(in, "delay") || vips_image_get_array_int(in, "delay", &delays, &n) || frame >= n)
		return DELAY;
	return delays[frame] > 0 ? delays[frame] : DELAY;
}

static int loops_of(VipsImage *in)
{
	int loops = 0;
	if (vips_image_get_typeof(in, "loop") && vips_image_get_int(in, "loop", &loops))
		return 0;
	return loops;
}

/* RGBA of one frame, scaled and cropped. */
static int cut_frame(VipsImage *in, int frame, const MpCut *c, VipsImage **out)
{
	VipsImage *scope = vips_image_new();
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(scope), 5);
	int high = vips_image_get_page_height(in);
	int failed = vips_extract_area(in, &t[0], 0, frame * high, in->Xsize, high, NULL) ||
		mv_resize(scope, t[0], c->cover_width, c->cover_height, &t[1]) ||
		mv_to_srgb(scope, t[1], NULL, &t[2]) ||
		vips_extract_area(t[2], &t[3], c->x, c->y, c->width, c->height, NULL) ||
		(vips_image_hasalpha(t[3]) ? vips_copy(t[3], &t[4], NULL) : vips_addalpha(t[3], &t[4], NULL)) ||
		!(*out = vips_image_copy_memory(t[4]));
	g_object_unref(scope);
	return failed ? -1 : 0;
}

static int add_frame(WebPAnimEncoder *encoder, const WebPConfig *config, VipsImage *frame, const MeHow *how, int at)
{
	WebPPicture picture;
	if (!WebPPictureInit(&picture))
		return -1;
	picture.use_argb = 1;
	picture.width = frame->Xsize;
	picture.height = frame->Ysize;
	picture.progress_hook = me_webp_go_on;
	picture.user_data = (void *) how;
	int ok = WebPPictureImportRGBA(&picture, vips_image_get_data(frame), frame->Xsize * 4) &&
		WebPAnimEncoderAdd(encoder, &picture, at, config);
	WebPPictureFree(&picture);
	return ok ? 0 : -1;
}

static int add_frames(WebPAnimEncoder *encoder, VipsImage *in, const MpCut *cut, const MeHow *how)
{
	WebPConfig config;
	int frames = vips_image_get_n_pages(in), at = 0;
	if (!me_webp_config(&config, how))
		return -1;
	for (int i = 0; i < frames; i++) {
		VipsImage *frame;
		if (cut_frame(in, i, cut, &frame))
			return -1;
		int failed = add_frame(encoder, &config, frame, how, at);
		g_object_unref(frame);
		if (failed)
			return -1;
		at += delay_of(in, i);
	}
	return WebPAnimEncoderAdd(encoder, NULL, at, NULL) ? 0 : -1;
}

int mv_animate(void *buf, size_t len, MvLoad *load, const MpCut *cut, const MeHow *how, void **out, size_t *length)
{
	VipsImage *in = NULL;
	WebPAnimEncoderOptions options;
	WebPData file = { 0 };
	if (!WebPAnimEncoderOptionsInit(&options) || mv_load(buf, len, load, &in))
		return -1;
	options.anim_params.loop_count = loops_of(in);
	WebPAnimEncoder *encoder = WebPAnimEncoderNew(cut->width, cut->height, &options);
	int failed = !encoder || add_frames(encoder, in, cut, how) || !WebPAnimEncoderAssemble(encoder, &file) ||
		me_webp_finish(&file, how, out, length);
	if (failed && encoder)
		vips_error("webp", "%s", WebPAnimEncoderGetError(encoder));
	WebPDataClear(&file);
	WebPAnimEncoderDelete(encoder);
	g_object_unref(in);
	return failed ? -1 : 0;
}
