/* How fast Vectorscan finds words in a text: search WORDS TEXT ROUNDS, a word a line. Prints the words, the matches and the
 * megabytes per second of each round. */
#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *contents(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(66);
    }
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*length + 1);
    if (text == NULL || fread(text, 1, *length, file) != *length) {
        perror(path);
        exit(66);
    }
    text[*length] = 0;
    fclose(file);
    return text;
}

static int count(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *matches)
{
    (void)id, (void)from, (void)to, (void)flags;
    ++*(unsigned long long *)matches;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: search WORDS TEXT ROUNDS\n");
        return 64;
    }
    size_t length, lines_length;
    char *lines = contents(argv[1], &lines_length), *text = contents(argv[2], &length);
    unsigned words = 0;
    for (char *at = lines; *at; at++)
        words += *at == '\n';
    const char **word = calloc(words, sizeof *word);
    unsigned *flags = calloc(words, sizeof *flags), *ids = calloc(words, sizeof *ids);
    size_t *lengths = calloc(words, sizeof *lengths);
    char *at = lines;
    for (unsigned i = 0; i < words; i++) {
        char *end = strchr(at, '\n');
        word[i] = at, lengths[i] = (size_t)(end - at), ids[i] = i, flags[i] = HS_FLAG_CASELESS;
        *end = 0;
        at = end + 1;
    }
    hs_database_t *database;
    hs_compile_error_t *error;
    if (hs_compile_lit_multi(word, flags, ids, lengths, words, HS_MODE_BLOCK, NULL, &database, &error) != HS_SUCCESS) {
        fprintf(stderr, "%s\n", error->message);
        return 70;
    }
    hs_scratch_t *scratch = NULL;
    if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS)
        return 70;
    for (int round = 0; round < atoi(argv[3]); round++) {
        unsigned long long matches = 0;
        struct timespec before, after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        hs_scan(database, text, (unsigned)length, 0, scratch, count, &matches);
        clock_gettime(CLOCK_MONOTONIC, &after);
        double seconds = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
        printf("vectorscan %u words %llu matches %.1f MB/s\n", words, matches, (double)length / 1e6 / seconds);
        fflush(stdout);
    }
    return 0;
}
