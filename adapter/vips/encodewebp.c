#include "bridge.h"
#include "encodewebp.h"

#include <string.h>


int me_webp_go_on(int percent, const WebPPicture *picture)
{
	const MeHow *how = picture->user_data;
	return !how->cancel || !g_atomic_int_get(how->cancel);
}

/* From JFIF's full range to the limited one of WebP (RFC 6386 §9.2, ITU-R BT.601). */
static void limit_range(const MpPlane *in, int luma, uint8_t *out, int stride)
{
	uint8_t table[256];
	for (int v = 0; v < 256; v++)
		table[v] = luma ? 16 + (v * 219 + 127) / 255 : 128 + ((v - 128) * 224 + (v < 128 ? -127 : 127)) / 255;
	for (int y = 0; y < in->height; y++)
		for (int x = 0; x < in->width; x++)
			out[(size_t) y * stride + x] = table[in->data[(size_t) y * in->stride + x]];
}

static int take_planes(WebPPicture *p, const MpPicture *in)
{
	if (!WebPPictureAlloc(p))
		return 0;
	limit_range(&in->plane[0], 1, p->y, p->y_stride);
	if (in->planes == 3) {
		limit_range(&in->plane[1], 0, p->u, p->uv_stride);
		limit_range(&in->plane[2], 0, p->v, p->uv_stride);
	} else {
		memset(p->u, 128, (size_t) p->uv_stride * ((p->height + 1) / 2));
		memset(p->v, 128, (size_t) p->uv_stride * ((p->height + 1) / 2));
	}
	return 1;
}

static int take_pixels(WebPPicture *p, const MePixels *in)
{
	p->width = in->width;
	p->height = in->height;
	if (in->planar)
		return take_planes(p, in->planar);
	return in->bands == 4
		? WebPPictureImportRGBA(p, in->rgb, in->width * 4)
		: WebPPictureImportRGB(p, in->rgb, in->width * 3);
}

int me_webp_config(WebPConfig *config, const MeHow *how)
{
	if (!WebPConfigInit(config))
		return 0;
	config->quality = how->quality;
	config->method = how->effort;
	return WebPValidateConfig(config);
}

/* The file anew with an EXIF chunk (RFC 9649 §2.7.1.5). */
static int add_exif(const WebPData *file, const MeHow *how, void **out, size_t *length)
{
	WebPData exif = { how->exif, how->exif_length }, whole = { 0 };
	WebPMux *mux = WebPMuxCreate(file, 0);
	int failed = !mux || WebPMuxSetChunk(mux, "EXIF", &exif, 0) != WEBP_MUX_OK || WebPMuxAssemble(mux, &whole) != WEBP_MUX_OK;
	if (!failed) {
		*out = g_memdup2(whole.bytes, whole.size);
		*length = whole.size;
	}
	WebPDataClear(&whole);
	WebPMuxDelete(mux);
	return failed ? -1 : 0;
}

int me_webp_finish(const WebPData *file, const MeHow *how, void **out, size_t *length)
{
	if (how->exif)
		return add_exif(file, how, out, length);
	*out = g_memdup2(file->bytes, file->size);
	*length = file->size;
	return 0;
}

int me_webp(const MePixels *in, const MeHow *how, void **out, size_t *length)
{
	WebPConfig config;
	WebPPicture picture;
	WebPMemoryWriter writer;
	int failed = -1;

	if (!me_webp_config(&config, how) || !WebPPictureInit(&picture)) {
		vips_error("webp", "quality %d, effort %d", how->quality, how->effort);
		return -1;
	}
	WebPMemoryWriterInit(&writer);
	picture.writer = WebPMemoryWrite;
	picture.custom_ptr = &writer;
	picture.progress_hook = me_webp_go_on;
	picture.user_data = (void *) how;
	if (take_pixels(&picture, in) && WebPEncode(&config, &picture)) {
		WebPData file = { writer.mem, writer.size };
		failed = me_webp_finish(&file, how, out, length);
	}
	if (failed)
		vips_error("webp", "encoder's error %d", picture.error_code);
	WebPPictureFree(&picture);
	WebPMemoryWriterClear(&writer);
	return failed;
}

