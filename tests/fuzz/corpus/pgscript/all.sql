-- every command and every operator
\set aid random(1, 100000 * :scale) + random_zipfian(1, 9, 1.5)
\set x case when :aid > 5 then permute(:aid, 100, 7) else -9223372036854775808 end
\set y not (1.5e3 <= :x and true or false) is not null # ~2 & 3 | 4 << 5 >> 1
\set z hash_fnv1a(greatest(1, 2, least(3, .4))) % 7 - +int(1e2) / 3
\if :x = 1
BEGIN; select ':a'::text, E'\'', $t$;$t$, "b;" /* /* ; */ */ -- ;
\gset p_
\elif :y isnull
select 1 \; select 2;
\aset
\else
create function f() returns int begin atomic select 1; end;
\endif
\startpipeline
insert into t values (:x, :y, :z);
\syncpipeline
\endpipeline
\sleep 10 us
\sleep :x
\set w \
 1
END;
