#include "bridge.h"
#include "_cgo_export.h"

#include <libheif/heif.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>

static void log_line(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer user)
{
	if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING))
		meridianVipsLog((char *) (domain ? domain : ""), (char *) message);
}

/* The only loaders that may run. Everything else (ImageMagick, PDF, OpenSlide,
 * TIFF, raw, CSV, …) is refused by libvips itself, whatever the bytes say. */
static const char *allowed[] = {
	"VipsForeignLoadJpegBuffer", "VipsForeignLoadPngBuffer", "VipsForeignLoadWebpBuffer",
	"VipsForeignLoadNsgifBuffer", "VipsForeignLoadHeifBuffer", "VipsForeignLoadSvgBuffer", NULL,
};

int mv_start(void)
{
	g_log_set_default_handler(log_line, NULL);
	if (vips_init("meridian"))
		return -1;
	heif_init(NULL); /* its decoders may be files to load: a process that is confined could not, later */
	vips_operation_block_set("VipsForeignLoad", TRUE);
	for (int i = 0; allowed[i]; i++)
		vips_operation_block_set(allowed[i], FALSE);
	return 0;
}

static void *note_loader(GType type, GString *names)
{
	if (!G_TYPE_IS_ABSTRACT(type)) {
		gpointer class = g_type_class_ref(type);
		if (!(VIPS_OPERATION_CLASS(class)->flags & VIPS_OPERATION_BLOCKED))
			g_string_append_printf(names, "%s ", VIPS_OBJECT_CLASS(class)->nickname);
		g_type_class_unref(class);
	}
	vips_type_map(type, (VipsTypeMap2Fn) note_loader, names, NULL);
	return NULL;
}

char *mv_loaders(void)
{
	GString *names = g_string_new("");
	vips_type_map(g_type_from_name("VipsForeignLoad"), (VipsTypeMap2Fn) note_loader, names, NULL);
	return g_string_free(names, FALSE);
}

void mv_tune(int concurrency, int cache)
{
	vips_concurrency_set(concurrency);
	vips_cache_set_max(cache);
}

void mv_trim(void)
{
#ifdef __GLIBC__
	malloc_trim(0); /* of all arenas, also of those whose threads are gone */
#endif
}

void mv_cancel(int *cancel) { g_atomic_int_set(cancel, 1); }

static void on_eval(VipsImage *image, VipsProgress *progress, int *cancel)
{
	if (g_atomic_int_get(cancel))
		vips_image_set_kill(image, TRUE);
}

/* The loader is named by the caller, who has read the magic bytes: libvips is
 * never asked to guess. */
int mv_load(void *buf, size_t len, MvLoad *l, VipsImage **out)
{
	int failed = -1;
	VipsAccess seq = VIPS_ACCESS_SEQUENTIAL;
	switch (l->kind) {
	case MV_JPEG:
		failed = vips_jpegload_buffer(buf, len, out, "shrink", l->shrink, "access", seq, "fail_on", l->fail, NULL);
		break;
	case MV_PNG:
		failed = vips_pngload_buffer(buf, len, out, "access", seq, "fail_on", l->fail, NULL);
		break;
	case MV_WEBP:
		failed = vips_webpload_buffer(buf, len, out, "scale", l->scale, "n", l->frames, "access", seq, "fail_on", l->fail, NULL);
		break;
	case MV_GIF:
		failed = vips_gifload_buffer(buf, len, out, "n", l->frames, "access", seq, "fail_on", l->fail, NULL);
		break;
	case MV_HEIF:
		failed = vips_heifload_buffer(buf, len, out, "access", seq, "fail_on", l->fail, NULL);
		break;
	case MV_SVG:
		failed = vips_svgload_buffer(buf, len, out, "scale", l->scale, "access", seq, "fail_on", l->fail, NULL);
		break;
	}
	if (!failed && l->cancel) {
		vips_image_set_progress(*out, TRUE);
		g_signal_connect(*out, "eval", G_CALLBACK(on_eval), l->cancel);
	}
	return failed;
}

int mv_header(void *buf, size_t len, MvKind kind, MvHeader *h)
{
	MvLoad l = { .kind = kind, .shrink = 1, .scale = 1, .frames = 1, .fail = VIPS_FAIL_ON_NONE };
	VipsImage *image = NULL;
	if (mv_load(buf, len, &l, &image))
		return -1;
	h->width = image->Xsize;
	h->height = image->Ysize;
	h->frames = vips_image_get_n_pages(image);
	h->orientation = vips_image_get_orientation(image);
	h->alpha = vips_image_hasalpha(image);
	g_object_unref(image);
	return 0;
}

int mv_notes(void *buf, size_t len, MvKind kind, MvNotes *n)
{
	static const char *names[MV_NOTES] = {
		VIPS_META_ICC_NAME, VIPS_META_EXIF_NAME, VIPS_META_XMP_NAME, VIPS_META_IPTC_NAME,
	};
	MvLoad l = { .kind = kind, .shrink = 1, .scale = 1, .frames = 1, .fail = VIPS_FAIL_ON_NONE };
	VipsImage *image = NULL;
	if (mv_load(buf, len, &l, &image))
		return -1;
	for (int i = 0; i < MV_NOTES; i++) {
		const void *data;
		if (vips_image_get_typeof(image, names[i]) && !vips_image_get_blob(image, names[i], &data, &n->length[i]))
			n->data[i] = g_memdup2(data, n->length[i]);
	}
	g_object_unref(image);
	return 0;
}

int mv_check(void *buf, size_t len, MvLoad *l)
{
	VipsImage *image = NULL;
	double mean;
	if (mv_load(buf, len, l, &image))
		return -1;
	int failed = vips_avg(image, &mean, NULL);
	g_object_unref(image);
	return failed;
}

/* Exact size. Alpha is multiplied in first, or the colour of invisible pixels
 * would bleed into the visible. */
int mv_resize(VipsImage *scope, VipsImage *in, int width, int height, VipsImage **out)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(scope), 3);
	double hscale = (double) width / in->Xsize;
	double vscale = (double) height / in->Ysize;
	VipsBandFormat format = in->BandFmt;

	if (in->Xsize == width && in->Ysize == height)
		return vips_copy(in, out, NULL);
	if (!vips_image_hasalpha(in))
		return vips_resize(in, out, hscale, "vscale", vscale, NULL);
	return vips_premultiply(in, &t[0], NULL) ||
		vips_resize(t[0], &t[1], hscale, "vscale", vscale, NULL) ||
		vips_unpremultiply(t[1], &t[2], NULL) ||
		vips_cast(t[2], out, format, NULL);
}

/* The profile that most cameras embed says nothing that sRGB does not; its
 * header names maker IEC and model sRGB (ICC.1:2001 §6.1.12, §6.1.13). */
static gboolean is_plain_srgb(VipsImage *in)
{
	const void *data;
	size_t len;
	if (vips_image_get_blob(in, VIPS_META_ICC_NAME, &data, &len))
		return FALSE;
	return len == 3144 && memcmp((const char *) data + 48, "IEC sRGB", 8) == 0;
}

static VipsImage *table_image(const float *table)
{
	return vips_image_new_from_memory(table, MV_STEPS * sizeof(float), MV_STEPS, 1, 1, VIPS_FORMAT_FLOAT);
}

/* Each pixel times the entry of a table for its key, which runs from 0 to top. */
static int scale_by(VipsImage *scope, VipsImage *in, VipsImage *key, const float *table, double top, VipsImage **out)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(scope), 4);
	return vips_linear1(key, &t[0], (MV_STEPS - 1) / top, 0.5, NULL) ||
		vips_cast(t[0], &t[1], VIPS_FORMAT_USHORT, NULL) ||
		!(t[2] = table_image(table)) ||
		vips_maplut(t[1], &t[3], t[2], NULL) ||
		vips_multiply(in, t[3], out, NULL);
}

/* HLG's rendering: a factor by luminance, by the weights of ITU-R BT.709-6 §3. */
static int render_hlg(VipsImage *scope, VipsImage *in, const MvLight *l, VipsImage **out)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(scope), 2);
	double weights[] = { 0.2126, 0.7152, 0.0722 };
	t[0] = vips_image_new_matrix_from_array(3, 1, weights, 3);
	return !t[0] || vips_recomb(in, &t[1], t[0], NULL) || scale_by(scope, in, t[1], l->ootf, 1, out);
}

static int map_tones(VipsImage *scope, VipsImage *in, const MvLight *l, VipsImage **out)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(scope), 4);
	for (int band = 0; band < 3; band++)
		if (vips_extract_band(in, &t[band], band, NULL))
			return -1;
	return vips_bandrank(t, &t[3], 3, "index", 2, NULL) || /* the greatest of the three */
		scale_by(scope, in, t[3], l->tone, l->tone_top, out);
}

/* sRGB, 8 bits, by what the file says of its light. The loader shifts 10 and 12
 * bits up to 16, so the largest number is not 65535 but 65472 or 65520. */
static int light_to_srgb(VipsImage *scope, VipsImage *in, const MvLight *l, VipsImage **out)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(scope), 13);
	int depth = 16;
	if (vips_image_get_typeof(in, "heif-bitdepth") && vips_image_get_int(in, "heif-bitdepth", &depth))
		return -1;
	double full = in->BandFmt == VIPS_FORMAT_UCHAR ? 255 : 65535 - (65535 >> depth);

	if (vips_extract_band(in, &t[0], 0, "n", 3, NULL) ||
		vips_linear1(t[0], &t[1], (MV_STEPS - 1) / full, 0.5, NULL) ||
		vips_cast(t[1], &t[2], VIPS_FORMAT_USHORT, NULL) ||
		!(t[3] = table_image(l->curve)) ||
		vips_maplut(t[2], &t[4], t[3], NULL) ||
		!(t[5] = vips_image_new_matrix_from_array(3, 3, l->matrix, 9)) ||
		vips_recomb(t[4], &t[6], t[5], NULL))
		return -1;
	VipsImage *rgb = t[6];
	if (l->ootf) {
		if (render_hlg(scope, rgb, l, &t[7]))
			return -1;
		rgb = t[7];
	}
	if (l->tone) {
		if (map_tones(scope, rgb, l, &t[8]))
			return -1;
		rgb = t[8];
	}
	if (vips_copy(rgb, &t[9], "interpretation", VIPS_INTERPRETATION_scRGB, NULL) ||
		vips_colourspace(t[9], &t[10], VIPS_INTERPRETATION_sRGB, NULL))
		return -1;
	if (!vips_image_hasalpha(in))
		return vips_copy(t[10], out, NULL);
	return vips_extract_band(in, &t[11], 3, NULL) ||
		vips_linear1(t[11], &t[12], 255 / full, 0.5, "uchar", TRUE, NULL) ||
		vips_bandjoin2(t[10], t[12], out, NULL);
}

/* sRGB, 8 bits: through the embedded profile where there is a usable one, else by
 * what the file says of its light. */
int mv_to_srgb(VipsImage *scope, VipsImage *in, const MvLight *light, VipsImage **out)
{
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(scope), 3);
	gboolean cmyk = in->Type == VIPS_INTERPRETATION_CMYK;
	gboolean grey = vips_image_hasalpha(in) ? in->Bands == 2 : in->Bands == 1;

	if (light && !grey && !vips_image_get_typeof(in, VIPS_META_ICC_NAME))
		return light_to_srgb(scope, in, light, out);
	/* libvips 8.14 leaves a 16-bit alpha band as it is when the colours become 8-bit. */
	if (in->BandFmt == VIPS_FORMAT_USHORT && vips_image_hasalpha(in)) {
		if (vips_colourspace(in, &t[0], grey ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB, NULL))
			return -1;
		in = t[0];
	}
	if (cmyk || (vips_image_get_typeof(in, VIPS_META_ICC_NAME) && !is_plain_srgb(in))) {
		int failed = grey
			? vips_icc_transform(in, &t[1], "srgb", "embedded", TRUE, NULL)
			: vips_icc_transform(in, &t[1], "srgb", "embedded", TRUE, "input_profile", cmyk ? "cmyk" : "srgb", NULL);
		if (!failed)
			in = t[1];
		else if (cmyk)
			return -1;
		else
			vips_error_clear(); /* an unusable profile: the numbers are taken as sRGB */
	}
	return vips_colourspace(in, &t[2], VIPS_INTERPRETATION_sRGB, NULL) ||
		vips_cast(t[2], out, VIPS_FORMAT_UCHAR, NULL);
}

/* Every field: EXIF, GPS, XMP, IPTC, thumbnails, profiles, comments. "strip" on
 * saving is not enough: libvips 8.14 writes what EXIF there is into WebP. */
static void forget(VipsImage *image)
{
	gchar **fields = vips_image_get_fields(image);
	for (int i = 0; fields && fields[i]; i++)
		vips_image_remove(image, fields[i]);
	g_strfreev(fields);
}

int mv_decode(void *buf, size_t len, MvLoad *l, int width, int height, VipsImage **out)
{
	VipsImage *scope = vips_image_new();
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(scope), 5);
	int failed = mv_load(buf, len, l, &t[0]);
	if (!failed) {
		gboolean turned = vips_image_get_orientation(t[0]) >= 5;
		failed = mv_resize(scope, t[0], turned ? height : width, turned ? width : height, &t[1]) ||
			mv_to_srgb(scope, t[1], l->light, &t[2]) ||
			!(t[3] = vips_image_copy_memory(t[2])) || /* the one pass over the source */
			vips_autorot(t[3], &t[4], NULL) ||
			!(*out = vips_image_copy_memory(t[4]));
	}
	if (!failed)
		forget(*out);
	g_object_unref(scope);
	return failed ? -1 : 0;
}

int mv_cut(VipsImage *in, const MpCut *c, VipsImage **out)
{
	VipsImage *scope = vips_image_new();
	VipsImage **t = (VipsImage **) vips_object_local_array(VIPS_OBJECT(scope), 2);
	int failed = mv_resize(scope, in, c->cover_width, c->cover_height, &t[0]) ||
		vips_extract_area(t[0], &t[1], c->x, c->y, c->width, c->height, NULL) ||
		!(*out = vips_image_copy_memory(t[1]));
	g_object_unref(scope);
	return failed ? -1 : 0;
}

int mv_on_white(VipsImage *in, VipsImage **out)
{
	VipsImage *flat = NULL;
	VipsArrayDouble *white = vips_array_double_newv(3, 255.0, 255.0, 255.0);
	int failed = vips_flatten(in, &flat, "background", white, NULL) || !(*out = vips_image_copy_memory(flat));
	vips_area_unref(VIPS_AREA(white));
	VIPS_UNREF(flat);
	return failed ? -1 : 0;
}

int mv_png(VipsImage *in, void **buf, size_t *len)
{
	return vips_pngsave_buffer(in, buf, len, "strip", TRUE, "compression", 1, NULL);
}

int mv_from_planes(const MpPicture *in, VipsImage **out)
{
	int width = in->plane[0].width, height = in->plane[0].height;
	VipsImage *image = vips_image_new_memory();
	vips_image_init_fields(image, width, height, 3, VIPS_FORMAT_UCHAR, VIPS_CODING_NONE, VIPS_INTERPRETATION_sRGB, 1, 1);
	if (vips_image_write_prepare(image)) {
		g_object_unref(image);
		return -1;
	}
	mp_rgb(in, (uint8_t *) vips_image_get_data(image));
	*out = image;
	return 0;
}

/* Where a crop that keeps what draws the eye begins: extract_area, which ends it,
 * leaves that in the offsets. */
int mv_attention(VipsImage *in, int width, int height, int *x, int *y)
{
	VipsImage *out = NULL;
	if (vips_smartcrop(in, &out, width, height, "interesting", VIPS_INTERESTING_ATTENTION, NULL))
		return -1;
	*x = -out->Xoffset;
	*y = -out->Yoffset;
	g_object_unref(out);
	return 0;
}
