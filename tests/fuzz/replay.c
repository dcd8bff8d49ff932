/*
 * Feeds every file of a folder to a fuzz target, once whole and once for
 * every shorter beginning (up to a limit): the corpus as a test without
 * libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX ((size_t)1 << 20)
#define CUTS_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An exact copy on the heap, so that a sanitizer sees one byte too many. */
static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int replay(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t size;
	size_t cut;

	if (file == NULL) {
		perror(path);
		return -1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	feed(data, size);
	for (cut = 0; cut < size && cut < CUTS_MAX; cut++)
		feed(data, cut);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	int files = 0;
	DIR *dir;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	dir = opendir(argv[1]);
	if (dir == NULL) {
		perror(argv[1]);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		char path[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (replay(path) == -1)
			return 1;
		files++;
	}
	closedir(dir);
	printf("%d files\n", files);
	return files > 0 ? 0 : 1;
}
