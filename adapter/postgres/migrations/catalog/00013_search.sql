-- +goose Up
-- Search in each language: the words of a product's text as lexemes, made by the
-- database alone, so that they cannot differ from the text. Only what every
-- PostgreSQL has is used, no extension.

-- The same letter for the same sound or look: no case, no accents, no width of
-- East Asian forms, no nukta, and katakana as hiragana. It does not ask the
-- database's locale.
create function search_fold(words text) returns text language sql immutable strict parallel safe as $$
    select translate(lower(normalize(regexp_replace(normalize(
               replace(replace(translate(words, 'øØ', 'oO'), 'ß', 'ss'), 'ẞ', 'ss'), NFKD), '[\u0300-\u036f\u093c]', '', 'g'), NFKC)),
           'ァアィイゥウェエォオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂッツヅテデトドナニヌネノハバパヒビピフブプヘベペホボポマミムメモャヤュユョヨラリルレロヮワヰヱヲンヴヵヶ',
           'ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢっつづてでとどなにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもゃやゅゆょよらりるれろゎわゐゑをんゔゕゖ')
$$;

-- How PostgreSQL stems a language; languages that it has no rules for go by their
-- words as they are.
create function search_config(locale text) returns regconfig language sql immutable strict parallel safe as $$
    select (case split_part(locale, '-', 1)
        when 'ar' then 'arabic' when 'da' then 'danish' when 'de' then 'german' when 'el' then 'greek' when 'en' then 'english'
        when 'es' then 'spanish' when 'fi' then 'finnish' when 'fr' then 'french' when 'hi' then 'hindi' when 'hu' then 'hungarian'
        when 'id' then 'indonesian' when 'it' then 'italian' when 'nl' then 'dutch' when 'no' then 'norwegian' when 'pt' then 'portuguese'
        when 'ro' then 'romanian' when 'ru' then 'russian' when 'sv' then 'swedish' when 'ta' then 'tamil' when 'tr' then 'turkish'
        else 'simple' end)::regconfig
$$;

-- Languages written without spaces.
create function search_unspaced(locale text) returns boolean language sql immutable strict parallel safe as $$
    select split_part(locale, '-', 1) in ('ja', 'zh', 'th')
$$;

-- The words of a text, folded: runs of what is no ASCII punctuation, space or
-- sign, and no punctuation of the languages beyond. In German an umlaut may be
-- written with an e.
create function search_runs(locale text, words text) returns text[] language sql immutable strict parallel safe as $$
    select coalesce(array_agg(case when split_part(locale, '-', 1) = 'de' then replace(replace(replace(m[1], 'ae', 'a'), 'oe', 'o'), 'ue', 'u') else m[1] end), '{}')
      from regexp_matches(search_fold(words), case when search_unspaced(locale) then '[a-z0-9]+|[^\u0001-\u007f\u2000-\u206f\u3000-\u303f\u30fb]+'
                                                   else '[^\u0001-\u002f\u003a-\u0060\u007b-\u007f\u00a0\u00ab\u00b7\u00bb\u2000-\u206f\u0964\u0965]+' end, 'g') m
$$;

-- A run of a language without spaces in pairs of characters, and its last one.
create function search_pairs(run text) returns text[] language sql immutable strict parallel safe as $$
    select case when run ~ '^[a-z0-9]' then array[run]
                else (select array_agg(substr(run, i, 2)) from generate_series(1, length(run)) i) end
$$;

create function search_vector(locale text, words text) returns tsvector language sql immutable strict parallel safe as $$
    select case when search_unspaced(locale)
        then to_tsvector('simple', coalesce((select string_agg(array_to_string(search_pairs(run), ' '), ' ') from unnest(search_runs(locale, words)) run), ''))
        else to_tsvector(search_config(locale), array_to_string(search_runs(locale, words), ' ')) end
$$;

-- The ends of long words, where a language writes them together: who looks for
-- Kuchen finds Käsekuchen.
create function search_ends(locale text, words text) returns tsvector language sql immutable strict parallel safe as $$
    select to_tsvector(search_config(locale), coalesce((
        select string_agg(substr(run, i), ' ') from unnest(search_runs(locale, words)) run, generate_series(2, length(run) - 3) i
         where split_part(locale, '-', 1) in ('de', 'nl', 'sv', 'da', 'no', 'fi')), ''))
$$;

-- What a product is found by: its name before its description before its
-- ingredients, and a mark for its market and locale.
create function search_words(market text, locale text, name text, description text, ingredients text) returns tsvector language sql immutable strict parallel safe as $$
    select setweight(search_vector(locale, name), 'A') || setweight(search_vector(locale, description), 'B')
        || setweight(search_vector(locale, ingredients), 'C') || setweight(search_ends(locale, name), 'D')
        || array_to_tsvector(array['@' || market || '/' || locale])
$$;

-- One word of a question: the last may be the beginning of one.
create function search_term(locale text, run text, last boolean) returns tsquery language sql immutable strict parallel safe as $$
    select case
        when search_unspaced(locale) and run !~ '^[a-z0-9]' then
            case when length(run) = 1 then (quote_literal(run) || ':*')::tsquery
                 else (select string_agg(quote_literal(pair), ' & ')::tsquery from unnest((search_pairs(run))[:length(run) - 1]) pair) end
        when not last then to_tsquery(search_config(locale), quote_literal(run))
        when numnode(to_tsquery(search_config(locale), quote_literal(run))) = 0 then ''::tsquery
        else to_tsquery(search_config(locale), quote_literal(run) || ':*') || (quote_literal(run) || ':*')::tsquery end
$$;

-- A question as it is asked of one market in any of some locales, the words of
-- which are all to be found in one of them. Words beyond the eighth are not
-- asked for. Empty when nothing is asked.
create function search_query(market text, locales text[], question text) returns tsquery language sql immutable strict parallel safe as $$
    select coalesce(string_agg('(''@' || market || '/' || locale || ''' & (' || terms || '))', ' | '), '')::tsquery
      from (select locale, (select string_agg('(' || term::text || ')', ' & ')
                from (select search_term(locale, run, n = least(8, cardinality(runs))) as term from unnest(runs) with ordinality w (run, n) where n <= 8) t
               where numnode(term) > 0) as terms
              from (select locale, search_runs(locale, question) as runs from unnest(locales) locale) l) q
     where terms is not null
$$;

alter table product_text add column words tsvector not null
    generated always as (search_words(market, locale, name, description, ingredients)) stored;
create index product_text_words on product_text using gin (words) with (fastupdate = off);
